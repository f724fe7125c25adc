package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** BERT (Devlin et al. 2019). MiniLM, bge and e5 are BERTs. */
public final class BertFamily implements ModelFamily {

  private static final FamilyFacts.AdapterPlaces ADAPTERS = new FamilyFacts.AdapterPlaces(List.of("query", "value"), List.of("query", "value"),
      List.of("key", "value", "output.dense"), List.of("output.dense"), List.of("attention.output.dense", "output.dense"));

  static final FamilyFacts.FileNames FILES = new FamilyFacts.FileNames(
      Map.of("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta"), "encoder.layer.", "num_hidden_layers",
      Map.ofEntries(Map.entry("embeddings.word_embeddings", "token_embd"), Map.entry("embeddings.position_embeddings", "position_embd"),
          Map.entry("embeddings.token_type_embeddings", "token_types"), Map.entry("embeddings.LayerNorm", "token_embd_norm"),
          Map.entry("encoder.layer.{}.attention.self.query", "blk.{}.attn_q"), Map.entry("encoder.layer.{}.attention.self.key", "blk.{}.attn_k"),
          Map.entry("encoder.layer.{}.attention.self.value", "blk.{}.attn_v"),
          Map.entry("encoder.layer.{}.attention.output.dense", "blk.{}.attn_output"),
          Map.entry("encoder.layer.{}.attention.output.LayerNorm", "blk.{}.attn_output_norm"),
          Map.entry("encoder.layer.{}.intermediate.dense", "blk.{}.ffn_up"), Map.entry("encoder.layer.{}.output.dense", "blk.{}.ffn_down"),
          Map.entry("encoder.layer.{}.output.LayerNorm", "blk.{}.layer_output_norm")), List.of());

  private static final FamilyFacts FACTS = new FamilyFacts("bert.", Map.of(Head.None.class, "BertModel", Head.SequenceClassification.class,
      "BertForSequenceClassification", Head.TokenClassification.class, "BertForTokenClassification", Head.QuestionAnswering.class,
      "BertForQuestionAnswering", Head.LanguageModel.class, "BertForMaskedLM"), ADAPTERS, FILES);

  @Override
  public Set<String> modelTypes() {
    return Set.of("bert");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(new GgufKeys("bert", "bert", List.of(GgufKeys.whole("context_length", "max_position_embeddings"),
        GgufKeys.whole("embedding_length", "hidden_size"), GgufKeys.whole("block_count", "num_hidden_layers"),
        GgufKeys.whole("feed_forward_length", "intermediate_size"), GgufKeys.whole("attention.head_count", "num_attention_heads"),
        GgufKeys.number("attention.layer_norm_epsilon", "layer_norm_eps")), false, List.of(), _ -> { }));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Bert(config, FACTS, 0);
  }

  /**
   * The encoder, post-norm, as Hugging Face's {@code BertModel} names it. Dropout of the base model is not applied, in training either: the
   * adapter has its own.
   */
  static class Bert implements Architecture {
    private final ModelConfig config;
    private final FamilyFacts facts;
    private final int firstPosition;
    private final int hidden;
    private final int layers;
    private final int heads;
    private final int headSize;
    private final int positions;
    private final Activation activation;
    private final double eps;

    Bert(ModelConfig config, FamilyFacts facts, int firstPosition) {
      config.only("position_embedding_type", "absolute");
      config.unset("is_decoder", "add_cross_attention");
      this.config = config;
      this.facts = facts;
      this.firstPosition = firstPosition;
      hidden = config.size("hidden_size");
      layers = config.size("num_hidden_layers");
      heads = config.size("num_attention_heads");
      headSize = config.headSize("hidden_size", "num_attention_heads");
      positions = config.size("max_position_embeddings");
      if (firstPosition < 0 || firstPosition >= positions) {
        throw config.error("positions start at %d, which leaves none of max_position_embeddings %d; see pad_token_id".formatted(firstPosition,
            positions));
      }
      activation = config.activation("hidden_act", "gelu");
      eps = config.positive("layer_norm_eps", 1e-12);
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Value x = sites.graph().region("embeddings", () -> embedded(sites, in));
      for (int i = 0; i < layers; i++) {
        Value before = x;
        Sites layer = sites.within("encoder.layer." + i + ".");
        Rows wanted = i == layers - 1 ? rows : Rows.ALL;
        x = sites.graph().region("layer." + i, () -> layer(layer, in, before, wanted));
      }
      return x;
    }

    /** What the first layer reads. */
    Value embedded(Sites sites, PackedInputs in) {
      return embeddings(sites.within("embeddings."), in, hidden);
    }

    /** Words, positions and types, normed. */
    final Value embeddings(Sites sites, PackedInputs in, int width) {
      sites.order("word_embeddings", "position_embeddings");
      Value x = sites.embedding("word_embeddings", in.ids(), vocabSize(), width);
      x = sites.embedding("token_type_embeddings", in.all().types(), typeVocabSize(), width, x);
      x = sites.embedding("position_embeddings", in.positions(Rows.ALL), positions, width, x);
      x = sites.layerNorm("LayerNorm", x, eps);
      sites.module("dropout", Kind.DROPOUT);
      return x;
    }

    private Value layer(Sites sites, PackedInputs in, Value x, Rows wanted) {
      Graph graph = sites.graph();
      Value rows = in.choose(graph, wanted, x);
      Value q = sites.linear("attention.self.query", rows, hidden, true);
      Value k = sites.linear("attention.self.key", x, hidden, true);
      Value v = sites.linear("attention.self.value", x, hidden, true);
      sites.module("attention.self.dropout", Kind.DROPOUT);
      AttentionSpec spec = new AttentionSpec(heads, heads, headSize, (float) (1 / Math.sqrt(headSize)), false);
      Value attended = sites.attention("attention.self", spec, q, k, v, in.segments(wanted), in.maxLength());
      Value y = graph.add(sites.blockOutput("attention.output.dense", attended, hidden, true), rows);
      y = sites.layerNorm("attention.output.LayerNorm", y, eps);
      sites.module("attention.output.dropout", Kind.DROPOUT);
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
        case Head.SequenceClassification of -> sequence(sites, of, rows);
        case Head.TokenClassification of -> {
          sites.module("dropout", Kind.DROPOUT);
          yield sites.linear("classifier", rows, of.labels(), true);
        }
        case Head.QuestionAnswering of -> sites.linear("qa_outputs", rows, 2, true);
        case Head.LanguageModel of -> words(sites, rows);
      };
    }

    /** classifier(tanh(pooler(first token))). */
    Value sequence(Sites sites, Head.SequenceClassification head, Value rows) {
      Value pooled = sites.graph().activate(Activation.TANH, sites.linear("bert.pooler.dense", rows, hidden, true));
      sites.module("bert.pooler.activation", Kind.ACTIVATION);
      sites.module("dropout", Kind.DROPOUT);
      return sites.linear("classifier", pooled, head.labels(), true);
    }

    /** decoder(LayerNorm(act(dense(hidden)))), where the decoder's weight is the word embedding unless they are not tied. */
    Value words(Sites sites, Value rows) {
      Sites cls = sites.within("cls.predictions.");
      Value dense = sites.graph().activate(activation, cls.linear("transform.dense", rows, hidden, true));
      cls.module("transform.transform_act_fn", Kind.ACTIVATION);
      Value normed = cls.layerNorm("transform.LayerNorm", dense, eps);
      boolean tied = config.flag("tie_word_embeddings", true);
      String weight = tied ? "bert.embeddings.word_embeddings.weight" : "cls.predictions.decoder.weight";
      return sites.linear("cls.predictions.decoder", weight, "cls.predictions.bias", normed, vocabSize());
    }

    @Override
    public ModelConfig config() {
      return config;
    }

    @Override
    public FamilyFacts facts() {
      return facts;
    }

    @Override
    public Rows rowsOf(Head head) {
      return head instanceof Head.SequenceClassification ? Rows.FIRST : Rows.ALL;
    }

    @Override
    public int typeVocabSize() {
      return config.size("type_vocab_size", 2);
    }

    @Override
    public int hiddenSize() {
      return hidden;
    }

    @Override
    public int maxPositions() {
      return positions - firstPosition;
    }

    @Override
    public int firstPosition() {
      return firstPosition;
    }
  }
}
