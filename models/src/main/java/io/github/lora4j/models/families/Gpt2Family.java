package io.github.lora4j.models.families;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.LossOp;
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

/** GPT-2 (Radford et al. 2019). */
public final class Gpt2Family implements ModelFamily {

  private static final FamilyFacts FACTS = new FamilyFacts("transformer.", Map.of(Head.None.class, "GPT2Model",
      Head.SequenceClassification.class, "GPT2ForSequenceClassification", Head.LanguageModel.class, "GPT2LMHeadModel"),
      new FamilyFacts.AdapterPlaces(List.of("c_attn"), List.of("c_attn"), List.of("c_attn", "mlp.c_proj"), List.of("mlp.c_proj"),
          List.of("attn.c_proj", "mlp.c_proj")),
      new FamilyFacts.FileNames(Map.of(), "h.", "n_layer", Map.ofEntries(Map.entry("wte", "token_embd"), Map.entry("wpe", "position_embd"),
          Map.entry("h.{}.ln_1", "blk.{}.attn_norm"), Map.entry("h.{}.attn.c_attn", "blk.{}.attn_qkv"),
          Map.entry("h.{}.attn.c_proj", "blk.{}.attn_output"), Map.entry("h.{}.ln_2", "blk.{}.ffn_norm"),
          Map.entry("h.{}.mlp.c_fc", "blk.{}.ffn_up"), Map.entry("h.{}.mlp.c_proj", "blk.{}.ffn_down"), Map.entry("ln_f", "output_norm"),
          Map.entry("lm_head", "output")), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("gpt2");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(new GgufKeys("gpt2", "gpt2", List.of(GgufKeys.whole("context_length", "n_positions"),
        GgufKeys.whole("embedding_length", "n_embd"), GgufKeys.whole("block_count", "n_layer"), GgufKeys.whole("feed_forward_length", "n_inner"),
        GgufKeys.whole("attention.head_count", "n_head"), GgufKeys.number("attention.layer_norm_epsilon", "layer_norm_epsilon")), false, List.of(),
        _ -> { }));
  }

  @Override
  public Architecture of(ModelConfig config) {
    config.unset("add_cross_attention");
    return new Gpt2(config);
  }

  /**
   * The decoder as Hugging Face's {@code GPT2Model} names it: pre-norm with layer norms, learned positions, queries, keys and values of one
   * module. Its linear modules are {@code Conv1D}s.
   */
  private static final class Gpt2 extends Decoder {
    private final int headSize;
    private final int inner;
    private final Activation activation;
    private final double eps;

    Gpt2(ModelConfig config) {
      super(config, FACTS, "n_embd", "n_head");
      headSize = config.headSize("n_embd", "n_head");
      inner = config.size("n_inner", 4 * hidden);
      activation = config.activation("activation_function", "gelu_new");
      eps = config.positive("layer_norm_epsilon", 1e-5);
    }

    @Override
    public Value hidden(Sites recording, PackedInputs in, Rows rows) {
      Sites sites = recording.conv1d();
      Graph graph = sites.graph();
      Value x = graph.region("embeddings", () -> {
        Value words = sites.embedding("wte", in.ids(), vocabSize(), hidden);
        Value y = sites.embedding("wpe", in.positions(Rows.ALL), maxPositions(), hidden, words);
        sites.module("drop", Kind.DROPOUT);
        return y;
      });
      Value last = stacked(sites, in, x, rows);
      return graph.region("norm", () -> sites.layerNorm("ln_f", last, eps));
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Graph graph = sites.graph();
      Value normed = sites.layerNorm("ln_1", x, eps);
      List<Value> qkv = graph.split(sites.linear("attn.c_attn", normed, 3 * hidden, true), 3);
      Value rows = in.choose(graph, wanted, x);
      Value q = in.choose(graph, wanted, qkv.getFirst());
      Value attended = sites.attention("attn", new AttentionSpec(heads, heads, headSize, (float) scale(index), true), q, qkv.get(1), qkv.get(2),
          in.segments(wanted), in.maxLength());
      Value y = graph.add(sites.blockOutput("attn.c_proj", attended, hidden, true), rows);
      sites.module("attn.attn_dropout", Kind.DROPOUT);
      sites.module("attn.resid_dropout", Kind.DROPOUT);
      Value fed = feedForward(sites, sites.layerNorm("ln_2", y, eps), "mlp.c_fc", inner, activation, "mlp.c_proj", true);
      sites.module("mlp.act", Kind.ACTIVATION);
      sites.module("mlp.dropout", Kind.DROPOUT);
      return graph.add(fed, y);
    }

    /** What attention scores of a layer are multiplied with: 1/√(head size), and where the config says so 1/(layer + 1). */
    private double scale(int layer) {
      return (config.flag("scale_attn_weights", true) ? 1 / Math.sqrt(headSize) : 1)
          / (config.flag("scale_attn_by_inverse_layer_idx", false) ? layer + 1 : 1);
    }

    @Override
    public Optional<Output> output() {
      return Optional.of(Decoders.output(config.flag("tie_word_embeddings", true), "transformer.wte.weight", LossOp.Logits.PLAIN));
    }

    @Override
    public int maxPositions() {
      return config.size("n_positions");
    }
  }
}
