package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;

/**
 * A decoder as Hugging Face's {@code LlamaModel} names it: pre-norm with root-mean-square norms, rotary positions, grouped queries, SwiGLU. What
 * a family of this form does otherwise it says by overriding.
 */
class Llama extends Decoder {

  /** Which linear modules have a bias: queries, keys and values; the attention's output; the feed-forward's. */
  record Biases(boolean qkv, boolean output, boolean feedForward) {
    /** None. */
    static final Biases NONE = new Biases(false, false, false);
  }

  final int kvHeads;
  final int headSize;
  final int inner;
  final Biases biases;
  final Activation activation;
  private final Rope rope;
  /** Of each layer, 0 where it sees all. */
  private final List<Integer> windows;

  /** A model that sees all that is before a token. */
  Llama(ModelConfig config, FamilyFacts facts, Biases biases) {
    this(config, facts, biases, Windows.NONE);
  }

  Llama(ModelConfig config, FamilyFacts facts, Biases biases, Windows windows) {
    super(config, facts, "hidden_size", "num_attention_heads");
    this.biases = biases;
    kvHeads = config.size("num_key_value_heads", heads);
    headSize = config.has("head_dim") ? config.size("head_dim") : config.headSize("hidden_size", "num_attention_heads");
    if (heads % kvHeads != 0 || headSize % 2 != 0) {
      throw config.error("%d attention heads of %d for %d key/value heads: heads must be a multiple of key/value heads, and their size even"
          .formatted(heads, headSize, kvHeads));
    }
    inner = config.size("intermediate_size");
    activation = activation();
    this.windows = windows.of(config, layers);
    rope = rope();
  }

  Activation activation() {
    return config.activation("hidden_act", "silu");
  }

  /** The rotary positions of layers that have no other ones. */
  Rope rope() {
    return Rope.of(config, headSize);
  }

  /** The rotary positions of a layer; none: it does without. */
  Optional<Rope> rope(int layer) {
    return Optional.of(rope);
  }

  int window(int layer) {
    return windows.get(layer);
  }

  /** The factor of scores. */
  double scale() {
    return 1 / Math.sqrt(headSize);
  }

  /** Of scores; 0: none. */
  double softCap() {
    return 0;
  }

  /** A norm of rows. */
  final Value norm(Sites sites, String module, Value x) {
    return norm(sites, module, x, x.shape().cols());
  }

  /** A norm of each so many columns of rows. */
  Value norm(Sites sites, String module, Value x, int columns) {
    return sites.rmsNorm(module, x, columns, config.positive("rms_norm_eps", 1e-6), 0);
  }

  /** What is done with the rows of the embedding before the first layer. */
  Value embedded(Sites sites, Value words) {
    return words;
  }

  /** What is done with a block's output before it is added to its input. */
  Value branch(Sites sites, Value y) {
    return y;
  }

  @Override
  public Value hidden(Sites sites, PackedInputs in, Rows rows) {
    Graph graph = sites.graph();
    Value x = graph.region("embeddings",
        () -> embedded(sites, sites.embedding("embed_tokens", in.ids(), vocabSize(), hidden)));
    Value last = stacked(sites, in, x, rows);
    return graph.region("norm", () -> norm(sites, finalNorm(), last));
  }

  String finalNorm() {
    return "norm";
  }

  @Override
  Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
    sites.order("self_attn", "mlp");
    Value normed = norm(sites, "input_layernorm", x);
    Value rows = in.choose(sites.graph(), wanted, x);
    Value y = sites.graph().add(branch(sites, attention(sites, in, index, normed, wanted)), rows);
    Value again = norm(sites, "post_attention_layernorm", y);
    return sites.graph().add(branch(sites, feedForward(sites.within("mlp."), again)), y);
  }

  /** A layer whose feed-forward reads what its attention reads. */
  final Value sideBySide(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
    sites.order("self_attn", "mlp");
    Value normed = norm(sites, "input_layernorm", x);
    Value rows = in.choose(sites.graph(), wanted, x);
    Value attended = attention(sites, in, index, normed, wanted);
    Value fed = feedForward(sites.within("mlp."), in.choose(sites.graph(), wanted, normed));
    return sites.graph().add(sites.graph().add(attended, fed), rows);
  }

  /** Attention of the rows wanted with its output module. */
  Value attention(Sites layer, PackedInputs in, int index, Value x, Rows wanted) {
    Sites sites = layer.within("self_attn.");
    List<Value> qkv = turned(sites, in, index, projected(sites, in, x, wanted), wanted);
    AttentionSpec spec = new AttentionSpec(heads, kvHeads, headSize, (float) scale(), true, window(index), (float) softCap());
    Value attended = layer.attention("self_attn", spec, qkv.getFirst(), qkv.get(1), qkv.get(2), in.segments(wanted), in.maxLength());
    return sites.blockOutput(outputModule(), attended, hidden, biases.output);
  }

  String outputModule() {
    return "o_proj";
  }

  /** Queries of the rows wanted, keys and values of all. */
  List<Value> projected(Sites sites, PackedInputs in, Value x, Rows wanted) {
    return List.of(sites.linear("q_proj", in.choose(sites.graph(), wanted, x), heads * headSize, biases.qkv),
        sites.linear("k_proj", x, kvHeads * headSize, biases.qkv), sites.linear("v_proj", x, kvHeads * headSize, biases.qkv));
  }

  /** Queries and keys turned by their positions. */
  List<Value> turned(Sites sites, PackedInputs in, int index, List<Value> qkv, Rows wanted) {
    Optional<Rope> by = rope(index);
    return by.isEmpty() ? qkv : List.of(by.get().turn(sites, in, wanted, qkv.getFirst(), heads),
        by.get().turn(sites, in, Rows.ALL, qkv.get(1), kvHeads), qkv.get(2));
  }

  Value feedForward(Sites sites, Value x) {
    Graph graph = sites.graph();
    Value gate = graph.activate(activation, sites.linear("gate_proj", x, inner, biases.feedForward));
    Value up = sites.linear("up_proj", x, inner, biases.feedForward);
    Value down = sites.blockOutput("down_proj", graph.multiply(gate, up), hidden, biases.feedForward);
    sites.module("act_fn", Kind.ACTIVATION);
    return down;
  }

  @Override
  public Optional<Output> output() {
    return Optional.of(Decoders.output(tied(), "model.embed_tokens.weight", scaled()));
  }

  /** What is done with logits over the vocabulary. */
  LossOp.Logits scaled() {
    return LossOp.Logits.PLAIN;
  }

  boolean tied() {
    return config.flag("tie_word_embeddings", false);
  }

  @Override
  public Architecture replicated(List<List<Integer>> ranges) {
    if (!ranges.isEmpty() && alternates()) {
      throw new ConfigException("layer_replication: layers of model_type \"%s\" differ by their number, so that copies have no meaning"
          .formatted(modelType()));
    }
    return super.replicated(ranges);
  }

  /** Whether what a layer does depends on its number. */
  boolean alternates() {
    return windows.stream().distinct().count() > 1;
  }

  @Override
  public int maxPositions() {
    return rope.scaling().longest(config.size("max_position_embeddings"));
  }
}
