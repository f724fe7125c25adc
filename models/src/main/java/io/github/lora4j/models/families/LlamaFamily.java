package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Shape;
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
import java.util.Optional;
import java.util.Set;

/** Llama (Touvron et al. 2023). */
public final class LlamaFamily implements ModelFamily {

  static final FamilyFacts.AdapterPlaces ADAPTERS = new FamilyFacts.AdapterPlaces(List.of("q_proj", "v_proj"), List.of("q_proj", "v_proj"),
      List.of("k_proj", "v_proj", "down_proj"), List.of("down_proj"), List.of("self_attn.o_proj", "mlp.down_proj"));

  @Override
  public Set<String> modelTypes() {
    return Set.of("llama");
  }

  @Override
  public Architecture of(ModelConfig config) {
    config.only("hidden_act", "silu");
    boolean bias = config.flag("attention_bias", false);
    return new Llama(config, facts("Llama", ADAPTERS, List.of("q_proj", "k_proj")), new Biases(bias, bias, config.flag("mlp_bias", false)),
        config.size("max_position_embeddings"));
  }

  /** What Llamas of all names have in common, but where adapters go and what of q and k llama.cpp permutes. */
  static FamilyFacts facts(String name, FamilyFacts.AdapterPlaces adapters, List<String> permuted) {
    return new FamilyFacts("model.", Map.of(Head.None.class, name + "Model", Head.SequenceClassification.class,
        name + "ForSequenceClassification", Head.LanguageModel.class, name + "ForCausalLM"),
        adapters, new FamilyFacts.FileNames(Map.of(), "layers.", "num_hidden_layers", Map.ofEntries(Map.entry("embed_tokens", "token_embd"),
            Map.entry("layers.{}.input_layernorm", "blk.{}.attn_norm"), Map.entry("layers.{}.self_attn.q_proj", "blk.{}.attn_q"),
            Map.entry("layers.{}.self_attn.k_proj", "blk.{}.attn_k"), Map.entry("layers.{}.self_attn.v_proj", "blk.{}.attn_v"),
            Map.entry("layers.{}.self_attn.o_proj", "blk.{}.attn_output"), Map.entry("layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"),
            Map.entry("layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"), Map.entry("layers.{}.mlp.up_proj", "blk.{}.ffn_up"),
            Map.entry("layers.{}.mlp.down_proj", "blk.{}.ffn_down"), Map.entry("norm", "output_norm"), Map.entry("lm_head", "output")), permuted));
  }

  /** Which linear modules have a bias: queries, keys and values; the attention's output; the feed-forward's. */
  record Biases(boolean qkv, boolean output, boolean feedForward) {}

  /** The decoder as Hugging Face's {@code LlamaModel} names it: pre-norm with root-mean-square norms, rotary positions, grouped queries, SwiGLU. */
  static final class Llama implements Architecture {
    private final ModelConfig config;
    private final FamilyFacts facts;
    private final Biases biases;
    private final int maxPositions;
    private final int hidden;
    private final int layers;
    private final int heads;
    private final int kvHeads;
    private final int headSize;
    private final int inner;
    private final double eps;
    private final Rope rope;

    Llama(ModelConfig config, FamilyFacts facts, Biases biases, int maxPositions) {
      this.config = config;
      this.facts = facts;
      this.biases = biases;
      this.maxPositions = maxPositions;
      hidden = config.size("hidden_size");
      layers = config.size("num_hidden_layers");
      heads = config.size("num_attention_heads");
      kvHeads = config.size("num_key_value_heads", heads);
      headSize = config.has("head_dim") ? config.size("head_dim") : config.headSize("hidden_size", "num_attention_heads");
      if (heads % kvHeads != 0 || headSize % 2 != 0) {
        throw config.error("%d attention heads of %d for %d key/value heads: heads must be a multiple of key/value heads, and their size even"
            .formatted(heads, headSize, kvHeads));
      }
      inner = config.size("intermediate_size");
      eps = config.positive("rms_norm_eps", 1e-6);
      rope = Rope.of(config);
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Value x = graph.region("embeddings", () -> sites.embedding("embed_tokens", in.ids(), vocabSize(), hidden, Optional.empty()));
      for (int i = 0; i < layers; i++) {
        Value before = x;
        Sites layer = sites.within("layers." + i + ".");
        Rows wanted = i == layers - 1 ? rows : Rows.ALL;
        x = graph.region("layer." + i, () -> layer(layer, in, before, wanted));
      }
      Value last = x;
      return graph.region("norm", () -> sites.rmsNorm("norm", last, eps));
    }

    private Value layer(Sites sites, PackedInputs in, Value x, Rows wanted) {
      Graph graph = sites.graph();
      sites.order("self_attn", "mlp");
      Value table = graph.program().constant(Rope.TABLE, Shape.of(in.maxLength(), headSize), () -> rope.table(in.maxLength(), headSize));
      Value normed = sites.rmsNorm("input_layernorm", x, eps);
      Value rows = in.choose(graph, wanted, x);
      Value q = graph.rope(sites.linear("self_attn.q_proj", in.choose(graph, wanted, normed), heads * headSize, biases.qkv),
          in.positions(wanted), table, heads);
      Value k = graph.rope(sites.linear("self_attn.k_proj", normed, kvHeads * headSize, biases.qkv), in.positions(Rows.ALL), table, kvHeads);
      Value v = sites.linear("self_attn.v_proj", normed, kvHeads * headSize, biases.qkv);
      AttentionSpec spec = new AttentionSpec(heads, kvHeads, headSize, (float) (1 / Math.sqrt(headSize)), true);
      Value attended = sites.attention("self_attn", spec, q, k, v, in.segments(wanted), in.maxLength());
      Value y = graph.add(sites.blockOutput("self_attn.o_proj", attended, hidden, biases.output), rows);
      Value normedAgain = sites.rmsNorm("post_attention_layernorm", y, eps);
      Value gate = graph.activate(Activation.SILU, sites.linear("mlp.gate_proj", normedAgain, inner, biases.feedForward));
      Value up = sites.linear("mlp.up_proj", normedAgain, inner, biases.feedForward);
      Value down = graph.add(sites.blockOutput("mlp.down_proj", graph.multiply(gate, up), hidden, biases.feedForward), y);
      sites.module("mlp.act_fn", Kind.ACTIVATION);
      return down;
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return Decoders.logits(sites, this, head, rows);
    }

    @Override
    public Optional<Output> output() {
      return Optional.of(Decoders.output(config.flag("tie_word_embeddings", false), "model.embed_tokens.weight", LossOp.Logits.PLAIN));
    }

    @Override
    public Rows rowsOf(Head head) {
      return Decoders.rowsOf(head);
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
    public int vocabSize() {
      return config.size("vocab_size");
    }

    @Override
    public int hiddenSize() {
      return hidden;
    }

    @Override
    public int maxPositions() {
      return maxPositions;
    }

    @Override
    public double initializerRange() {
      return config.positive("initializer_range", 0.02);
    }
  }
}
