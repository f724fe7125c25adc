package io.github.lora4j.models.families;

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

/** DistilBERT (Sanh et al. 2019): a BERT of half the layers, without types of text. */
public final class DistilBertFamily implements ModelFamily {

  /** Fixed in Hugging Face's model. */
  private static final double EPS = 1e-12;

  // PEFT's tables have no places here.
  private static final FamilyFacts FACTS = new FamilyFacts("distilbert.", Map.of(Head.None.class, "DistilBertModel",
      Head.SequenceClassification.class, "DistilBertForSequenceClassification", Head.TokenClassification.class,
      "DistilBertForTokenClassification", Head.QuestionAnswering.class, "DistilBertForQuestionAnswering", Head.LanguageModel.class,
      "DistilBertForMaskedLM"), new FamilyFacts.AdapterPlaces(List.of(), List.of(), List.of(), List.of(), List.of("attention.out_lin", "ffn.lin2")),
      new FamilyFacts.FileNames(BertFamily.FILES.alternatives(), "transformer.layer.", "n_layers", Map.of(), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("distilbert");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new DistilBert(config);
  }

  private static final class DistilBert implements Architecture {
    private final ModelConfig config;
    private final int hidden;
    private final int inner;
    private final int layers;
    private final int heads;
    private final int headSize;
    private final Activation activation;

    DistilBert(ModelConfig config) {
      this.config = config;
      hidden = config.size("dim", 768);
      inner = config.size("hidden_dim", 3072);
      layers = config.size("n_layers", 6);
      heads = config.size("n_heads", 12);
      if (hidden % heads != 0) {
        throw config.error("dim %d is not a multiple of n_heads %d".formatted(hidden, heads));
      }
      headSize = hidden / heads;
      activation = config.activation("activation", "gelu");
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Sites embeddings = sites.within("embeddings.");
      Value x = graph.region("embeddings", () -> {
        Value words = embeddings.embedding("word_embeddings", in.ids(), vocabSize(), hidden);
        Value placed = embeddings.embedding("position_embeddings", in.positions(Rows.ALL), maxPositions(), hidden, words);
        Value normed = embeddings.layerNorm("LayerNorm", placed, EPS);
        embeddings.module("dropout", Kind.DROPOUT);
        return normed;
      });
      for (int i = 0; i < layers; i++) {
        Value before = x;
        Sites layer = sites.within("transformer.layer." + i + ".");
        Rows wanted = i == layers - 1 ? rows : Rows.ALL;
        x = graph.region("layer." + i, () -> layer(layer, in, before, wanted));
      }
      return x;
    }

    private Value layer(Sites sites, PackedInputs in, Value x, Rows wanted) {
      Graph graph = sites.graph();
      Value rows = in.choose(graph, wanted, x);
      Value q = sites.linear("attention.q_lin", rows, hidden, true);
      Value k = sites.linear("attention.k_lin", x, hidden, true);
      Value v = sites.linear("attention.v_lin", x, hidden, true);
      AttentionSpec spec = new AttentionSpec(heads, heads, headSize, (float) (1 / Math.sqrt(headSize)), false);
      Value attended = sites.attention("attention", spec, q, k, v, in.segments(wanted), in.maxLength());
      Value y = graph.add(sites.blockOutput("attention.out_lin", attended, hidden, true), rows);
      sites.module("attention.dropout", Kind.DROPOUT);
      y = sites.layerNorm("sa_layer_norm", y, EPS);
      sites.module("ffn.dropout", Kind.DROPOUT);
      Value up = graph.activate(activation, sites.linear("ffn.lin1", y, inner, true));
      Value down = graph.add(sites.blockOutput("ffn.lin2", up, hidden, true), y);
      sites.module("ffn.activation", Kind.ACTIVATION);
      return sites.layerNorm("output_layer_norm", down, EPS);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return switch (head) {
        case Head.None none -> rows;
        case Head.SequenceClassification of -> {
          Value pooled = sites.graph().activate(Activation.RELU, sites.linear("pre_classifier", rows, hidden, true));
          Value logits = sites.linear("classifier", pooled, of.labels(), true);
          sites.module("dropout", Kind.DROPOUT);
          yield logits;
        }
        case Head.TokenClassification of -> {
          sites.module("dropout", Kind.DROPOUT);
          yield sites.linear("classifier", rows, of.labels(), true);
        }
        case Head.QuestionAnswering of -> {
          Value logits = sites.linear("qa_outputs", rows, 2, true);
          sites.module("dropout", Kind.DROPOUT);
          yield logits;
        }
        case Head.LanguageModel of -> words(sites, rows);
      };
    }

    /** vocab_projector(LayerNorm(act(vocab_transform(hidden)))). */
    private Value words(Sites sites, Value rows) {
      sites.module("activation", Kind.ACTIVATION);
      sites.order("activation");
      Value dense = sites.graph().activate(activation, sites.linear("vocab_transform", rows, hidden, true));
      Value normed = sites.layerNorm("vocab_layer_norm", dense, EPS);
      boolean tied = config.flag("tie_word_embeddings", true);
      Value logits = sites.linear("vocab_projector", tied ? "distilbert.embeddings.word_embeddings.weight" : "vocab_projector.weight",
          "vocab_projector.bias", normed, vocabSize());
      sites.module("mlm_loss_fct", Kind.CONTAINER);
      return logits;
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
    public int hiddenSize() {
      return hidden;
    }

    @Override
    public int maxPositions() {
      return config.size("max_position_embeddings", 512);
    }
  }
}
