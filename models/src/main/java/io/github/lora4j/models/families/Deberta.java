package io.github.lora4j.models.families;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What all DeBERTas have in common: a BERT whose scores also have products of each query, and of each key, with vectors of their distance, which a
 * layer makes of one embedding that all share.
 */
abstract class Deberta extends BertFamily.Bert {

  /** Products of queries with positions, and of keys. */
  private static final String QUERIES = "c2p";
  private static final String KEYS = "p2c";

  private final int width;
  private final int layers;
  private final int types;
  private final int heads;
  private final boolean placed;
  private final boolean relative;
  private final List<String> kinds;
  private final Activation activation;
  private final Activation pooling;
  private final double eps;

  Deberta(ModelConfig config, FamilyFacts facts) {
    super(config, facts, 0);
    config.unset("talking_head");
    layers = config.size("num_hidden_layers");
    heads = config.size("num_attention_heads");
    width = config.size("embedding_size", hiddenSize());
    types = config.whole("type_vocab_size", 0);
    placed = config.flag("position_biased_input", true);
    relative = config.flag("relative_attention", false);
    kinds = kinds(config);
    activation = config.activation("hidden_act", "gelu");
    pooling = config.activation("pooler_hidden_act", "gelu");
    eps = config.positive("layer_norm_eps", 1e-7);
    if (types < 0) {
      throw config.error("type_vocab_size %d is negative".formatted(types));
    }
    if (config.size("pooler_hidden_size", hiddenSize()) != hiddenSize()) {
      throw config.error("pooler_hidden_size %d is not hidden_size %d, but the pooler reads hidden states".formatted(
          config.size("pooler_hidden_size"), hiddenSize()));
    }
  }

  /** In old files one string. */
  private static List<String> kinds(ModelConfig config) {
    boolean text = config.json().path("pos_att_type").isTextual();
    return text ? Stream.of(config.text("pos_att_type").toLowerCase(Locale.ROOT).split("\\|")).map(String::strip).toList()
        : config.texts("pos_att_type");
  }

  /** The greatest distance that is told apart, or the number of buckets of distances; half the entries of the embedding. */
  final int span(String key, int otherwise) {
    int span = config().whole(key, -1);
    return span < 1 ? otherwise : config().size(key);
  }

  /** Distances up to the longest text. */
  abstract Distances distances();

  /** The embedding of distances as layers read it. */
  abstract Value normed(Sites encoder, Value distances);

  /** Queries, keys and values, the keys and values of all rows. */
  abstract List<Value> projected(Sites self, PackedInputs in, Value x, Rows wanted);

  /** Vectors that queries are multiplied by, made of the distances. */
  abstract Value keysOf(Sites self, Value distances);

  /** Vectors that keys are multiplied by. */
  abstract Value queriesOf(Sites self, Value distances);

  /** How many summands scores count as having. */
  abstract int summands();

  /** What follows the first layer, of rows wanted. */
  Value afterFirst(Sites encoder, PackedInputs in, Value embedded, Value x, Rows wanted) {
    return x;
  }

  final List<String> kinds() {
    return kinds;
  }

  final int heads() {
    return heads;
  }

  final int headSize() {
    return hiddenSize() / heads;
  }

  final double eps() {
    return eps;
  }

  @Override
  public Value hidden(Sites sites, PackedInputs in, Rows rows) {
    Graph graph = sites.graph();
    Value embedded = graph.region("embeddings", () -> embedded(sites.within("embeddings."), in));
    Sites encoder = sites.within("encoder.");
    encoder.order("layer");
    List<Value> near = relative ? List.of(graph.region("distances", () -> normed(encoder, encoder.distances("rel_embeddings",
        distances().choice(graph.program(), in.maxLength()), hiddenSize())))) : List.of();
    Value x = embedded;
    for (int i = 0; i < layers; i++) {
      Value before = x;
      Sites layer = encoder.within("layer." + i + ".");
      Rows wanted = i == layers - 1 ? rows : Rows.ALL;
      x = graph.region("layer." + i, () -> layer(layer, in, before, near, wanted));
      if (i == 0) {
        x = afterFirst(encoder, in, embedded, x, wanted);
      }
    }
    return x;
  }

  @Override
  final Value embedded(Sites sites, PackedInputs in) {
    Value x = sites.embedding("word_embeddings", in.ids(), vocabSize(), width);
    if (placed) {
      x = sites.embedding("position_embeddings", in.positions(Rows.ALL), maxPositions(), width, x);
    }
    if (types > 0) {
      x = sites.embedding("token_type_embeddings", in.all().types(), types, width, x);
    }
    if (width != hiddenSize()) {
      x = sites.linear("embed_proj", x, hiddenSize(), false);
    }
    x = sites.layerNorm("LayerNorm", x, eps);
    sites.module("dropout", Kind.DROPOUT);
    return x;
  }

  private Value layer(Sites sites, PackedInputs in, Value x, List<Value> near, Rows wanted) {
    Graph graph = sites.graph();
    Sites self = sites.within("attention.self.");
    Value rows = in.choose(graph, wanted, x);
    List<Value> qkv = projected(self, in, x, wanted);
    AttentionOp.Distances by = AttentionOp.Distances.NONE;
    if (!near.isEmpty()) {
      self.module("pos_dropout", Kind.DROPOUT);
      Optional<Value> keys = Optional.of(near.getFirst()).filter(d -> kinds.contains(QUERIES)).map(d -> keysOf(self, d));
      Optional<Value> queries = Optional.of(near.getFirst()).filter(d -> kinds.contains(KEYS)).map(d -> queriesOf(self, d));
      by = new AttentionOp.Distances(Optional.empty(), keys, queries);
    }
    self.module("dropout", Kind.DROPOUT);
    AttentionSpec spec = new AttentionSpec(heads, heads, headSize(), (float) (1 / Math.sqrt((double) headSize() * summands())), false);
    Value attended = by.any() ? sites.attention("attention.self", spec, qkv, by, in.segments(wanted), in.maxLength())
        : sites.attention("attention.self", spec, qkv.getFirst(), qkv.get(1), qkv.get(2), in.segments(wanted), in.maxLength());
    Value y = graph.add(sites.blockOutput("attention.output.dense", attended, hiddenSize(), true), rows);
    y = sites.layerNorm("attention.output.LayerNorm", y, eps);
    sites.module("attention.output.dropout", Kind.DROPOUT);
    Value up = graph.activate(activation, sites.linear("intermediate.dense", y, config().size("intermediate_size"), true));
    sites.module("intermediate.intermediate_act_fn", Kind.ACTIVATION);
    Value down = graph.add(sites.blockOutput("output.dense", up, hiddenSize(), true), y);
    down = sites.layerNorm("output.LayerNorm", down, eps);
    sites.module("output.dropout", Kind.DROPOUT);
    return down;
  }

  @Override
  final Value sequence(Sites sites, Head.SequenceClassification head, Value rows) {
    Value pooled = sites.graph().activate(pooling, sites.linear("pooler.dense", rows, hiddenSize(), true));
    sites.module("pooler.dropout", Kind.DROPOUT);
    Value logits = sites.linear("classifier", pooled, head.labels(), true);
    sites.module("dropout", Kind.DROPOUT);
    return logits;
  }

  @Override
  final Value words(Sites sites, Value rows) {
    return config().flag("legacy", true) ? bertsWords(sites, rows) : ownWords(sites, rows);
  }

  private Value bertsWords(Sites sites, Value rows) {
    Sites cls = sites.within("cls.predictions.");
    Value dense = sites.graph().activate(activation, cls.linear("transform.dense", rows, width, true));
    cls.module("transform.transform_act_fn", Kind.ACTIVATION);
    Value normed = cls.layerNorm("transform.LayerNorm", dense, eps);
    boolean tied = config().flag("tie_word_embeddings", true);
    return sites.linear("cls.predictions.decoder", tied ? "deberta.embeddings.word_embeddings.weight" : "cls.predictions.decoder.weight",
        "cls.predictions.bias", normed, vocabSize());
  }

  /** The head that DeBERTa was trained with: products with the word embedding itself, no module of its own. */
  private Value ownWords(Sites sites, Value rows) {
    if (width != hiddenSize()) {
      throw config().error("embedding_size %d is not hidden_size %d, which a head that is not legacy needs".formatted(width, hiddenSize()));
    }
    Sites head = sites.within("lm_predictions.lm_head.");
    Value dense = sites.graph().activate(activation, head.linear("dense", rows, hiddenSize(), true));
    head.module("transform_act_fn", Kind.ACTIVATION);
    Value normed = head.layerNorm("LayerNorm", dense, eps);
    return sites.graph().linear(normed, sites.parameter("deberta.embeddings.word_embeddings.weight", Shape.of(vocabSize(), width)),
        head.parameter("bias", Shape.vector(vocabSize())));
  }

  @Override
  public int typeVocabSize() {
    return types > 0 ? types : Integer.MAX_VALUE;
  }
}
