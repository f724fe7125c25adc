package io.github.lora4j.models.families;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** MPNet (Song et al. 2020): a BERT without types of text, whose scores have a bias by distance that all layers share. */
public final class MpNetFamily implements ModelFamily {

  /** Fixed in Hugging Face's model. */
  private static final int PADDING = 1;
  /** Fixed as well, whatever relative_attention_num_buckets says of the table's rows. */
  private static final int BUCKETS = 32;
  private static final int DISTANCE = 128;

  // PEFT's tables have no places here.
  private static final FamilyFacts FACTS = new FamilyFacts("mpnet.", Map.of(Head.None.class, "MPNetModel", Head.SequenceClassification.class,
      "MPNetForSequenceClassification", Head.TokenClassification.class, "MPNetForTokenClassification", Head.QuestionAnswering.class,
      "MPNetForQuestionAnswering", Head.LanguageModel.class, "MPNetForMaskedLM"), new FamilyFacts.AdapterPlaces(List.of(), List.of(), List.of(),
          List.of(), List.of("attention.attn.o", "output.dense")),
      new FamilyFacts.FileNames(BertFamily.FILES.alternatives(), "encoder.layer.", "num_hidden_layers", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("mpnet");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new MpNet(config);
  }

  private static final class MpNet implements Architecture {
    private final ModelConfig config;
    private final int hidden;
    private final int layers;
    private final int heads;
    private final int headSize;
    private final int positions;
    private final Activation activation;
    private final double eps;

    MpNet(ModelConfig config) {
      this.config = config;
      hidden = config.size("hidden_size");
      layers = config.size("num_hidden_layers");
      heads = config.size("num_attention_heads");
      headSize = config.headSize("hidden_size", "num_attention_heads");
      positions = config.size("max_position_embeddings", 512);
      activation = config.activation("hidden_act", "gelu");
      eps = config.positive("layer_norm_eps", 1e-12);
      if (config.size("relative_attention_num_buckets", BUCKETS) != BUCKETS) {
        throw config.error("relative_attention_num_buckets %d is not supported: distances are counted in %d buckets"
            .formatted(config.size("relative_attention_num_buckets"), BUCKETS));
      }
      if (positions <= PADDING + 1) {
        throw config.error("max_position_embeddings %d: positions start at %d, which leaves none".formatted(positions, PADDING + 1));
      }
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Sites embeddings = sites.within("embeddings.");
      Value x = graph.region("embeddings", () -> {
        Value words = embeddings.embedding("word_embeddings", in.ids(), vocabSize(), hidden);
        Value placed = embeddings.embedding("position_embeddings", in.positions(Rows.ALL), positions, hidden, words);
        Value normed = embeddings.layerNorm("LayerNorm", placed, eps);
        embeddings.module("dropout", Kind.DROPOUT);
        return normed;
      });
      Sites encoder = sites.within("encoder.");
      encoder.order("layer");
      Value near = graph.region("bias", () -> new RelativePositions(BUCKETS, DISTANCE, true).bias(encoder, "relative_attention_bias", in.maxLength(),
          heads));
      for (int i = 0; i < layers; i++) {
        Value before = x;
        Sites layer = encoder.within("layer." + i + ".");
        Rows wanted = i == layers - 1 ? rows : Rows.ALL;
        x = graph.region("layer." + i, () -> layer(layer, in, List.of(before, near), wanted));
      }
      return x;
    }

    private Value layer(Sites sites, PackedInputs in, List<Value> read, Rows wanted) {
      Graph graph = sites.graph();
      Value x = read.getFirst();
      Value rows = in.choose(graph, wanted, x);
      Value q = sites.linear("attention.attn.q", rows, hidden, true);
      Value k = sites.linear("attention.attn.k", x, hidden, true);
      Value v = sites.linear("attention.attn.v", x, hidden, true);
      AttentionSpec spec = new AttentionSpec(heads, heads, headSize, (float) (1 / Math.sqrt(headSize)), false);
      Value attended = sites.attention("attention.attn", spec, List.of(q, k, v), AttentionOp.Distances.of(read.get(1)), in.segments(wanted),
          in.maxLength());
      Value y = graph.add(sites.blockOutput("attention.attn.o", attended, hidden, true), rows);
      sites.module("attention.attn.dropout", Kind.DROPOUT);
      y = sites.layerNorm("attention.LayerNorm", y, eps);
      sites.module("attention.dropout", Kind.DROPOUT);
      Value up = graph.activate(activation, sites.linear("intermediate.dense", y, config.size("intermediate_size"), true));
      sites.module("intermediate.intermediate_act_fn", Kind.ACTIVATION);
      Value down = graph.add(sites.blockOutput("output.dense", up, hidden, true), y);
      down = sites.layerNorm("output.LayerNorm", down, eps);
      sites.module("output.dropout", Kind.DROPOUT);
      return down;
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return switch (head) {
        case Head.None none -> rows;
        case Head.SequenceClassification of -> {
          Value pooled = sites.graph().activate(Activation.TANH, sites.linear("classifier.dense", rows, hidden, true));
          sites.module("classifier.dropout", Kind.DROPOUT);
          yield sites.linear("classifier.out_proj", pooled, of.labels(), true);
        }
        case Head.TokenClassification of -> {
          sites.module("dropout", Kind.DROPOUT);
          yield sites.linear("classifier", rows, of.labels(), true);
        }
        case Head.QuestionAnswering of -> sites.linear("qa_outputs", rows, 2, true);
        case Head.LanguageModel of -> words(sites, rows);
      };
    }

    private Value words(Sites sites, Value rows) {
      Value dense = sites.graph().activate(Activation.GELU, sites.linear("lm_head.dense", rows, hidden, true));
      Value normed = sites.layerNorm("lm_head.layer_norm", dense, eps);
      boolean tied = config.flag("tie_word_embeddings", true);
      return sites.linear("lm_head.decoder", tied ? "mpnet.embeddings.word_embeddings.weight" : "lm_head.decoder.weight", "lm_head.bias", normed,
          vocabSize());
    }

    @Override
    public Rows rowsOf(Head head) {
      return head instanceof Head.SequenceClassification ? Rows.FIRST : Rows.ALL;
    }

    @Override
    public ModelConfig config() {
      return config;
    }

    @Override
    public FamilyFacts facts() {
      return FACTS;
    }

    @Override
    public int maxPositions() {
      return positions - firstPosition();
    }

    /** Behind the padding's id. */
    @Override
    public int firstPosition() {
      return PADDING + 1;
    }
  }
}
