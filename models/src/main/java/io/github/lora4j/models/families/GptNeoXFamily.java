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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** GPT-NeoX and Pythia (Black et al. 2022): queries, keys and values of a head beside each other, attention and feed-forward side by side. */
public final class GptNeoXFamily implements ModelFamily {

  private static final FamilyFacts FACTS = new FamilyFacts("gpt_neox.", Map.of(Head.None.class, "GPTNeoXModel", Head.LanguageModel.class,
      "GPTNeoXForCausalLM", Head.SequenceClassification.class, "GPTNeoXForSequenceClassification", Head.TokenClassification.class,
      "GPTNeoXForTokenClassification"),
      new FamilyFacts.AdapterPlaces(List.of("query_key_value"), List.of("query_key_value"), List.of("query_key_value", "dense_4h_to_h"),
          List.of("dense_4h_to_h"), List.of("attention.dense", "mlp.dense_4h_to_h")),
      new FamilyFacts.FileNames(Map.of("lm_head.weight", "embed_out.weight"), "layers.", "num_hidden_layers", Map.ofEntries(
          Map.entry("embed_in", "token_embd"), Map.entry("layers.{}.input_layernorm", "blk.{}.attn_norm"),
          Map.entry("layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"),
          Map.entry("layers.{}.attention.query_key_value", "blk.{}.attn_qkv"), Map.entry("layers.{}.attention.dense", "blk.{}.attn_output"),
          Map.entry("layers.{}.mlp.dense_h_to_4h", "blk.{}.ffn_up"), Map.entry("layers.{}.mlp.dense_4h_to_h", "blk.{}.ffn_down"),
          Map.entry("final_layer_norm", "output_norm"), Map.entry("lm_head", "output")), List.of()));

  @Override
  public Set<String> modelTypes() {
    return Set.of("gpt_neox");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(new GgufKeys("gptneox", "gpt_neox", List.of(GgufKeys.whole("context_length", "max_position_embeddings"),
        GgufKeys.whole("embedding_length", "hidden_size"), GgufKeys.whole("block_count", "num_hidden_layers"),
        GgufKeys.whole("feed_forward_length", "intermediate_size"), GgufKeys.whole("attention.head_count", "num_attention_heads"),
        new GgufKeys.Field("use_parallel_residual", "use_parallel_residual", GgufKeys.Kind.FLAG),
        GgufKeys.number("attention.layer_norm_epsilon", "layer_norm_eps")), false, List.of("query_key_value"),
        config -> config.put("rotary_pct", config.getOrDefault("partial_rotary_factor", 1.0))));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new GptNeoX(config);
  }

  private static final class GptNeoX extends Decoder {
    private final int headSize;
    private final boolean bias;
    private final boolean parallel;
    private final Activation activation;
    private final double eps;
    private final Rope rope;

    GptNeoX(ModelConfig config) {
      super(config, FACTS, "hidden_size", "num_attention_heads");
      headSize = config.headSize("hidden_size", "num_attention_heads");
      bias = config.flag("attention_bias", true);
      parallel = config.flag("use_parallel_residual", true);
      activation = config.activation("hidden_act", "gelu");
      eps = config.positive("layer_norm_eps", 1e-5);
      ModelConfig parameters = RopeScaling.parameters(config);
      rope = Rope.of(Rope.TABLE, config, parameters.has("partial_rotary_factor") ? parameters
          : parameters.with("partial_rotary_factor", config.positive("rotary_pct", 0.25)), headSize);
    }

    @Override
    public Value hidden(Sites sites, PackedInputs in, Rows rows) {
      Graph graph = sites.graph();
      Value x = graph.region("embeddings", () -> sites.embedding("embed_in", in.ids(), vocabSize(), hidden));
      sites.module("emb_dropout", Kind.DROPOUT);
      Value last = stacked(sites, in, x, rows);
      return graph.region("norm", () -> sites.layerNorm("final_layer_norm", last, eps));
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Graph graph = sites.graph();
      sites.order("input_layernorm", "post_attention_layernorm", "post_attention_dropout", "post_mlp_dropout");
      Value normed = sites.layerNorm("input_layernorm", x, eps);
      Value rows = in.choose(graph, wanted, x);
      List<Value> qkv = graph.split(sites.linear("attention.query_key_value", normed, 3 * hidden, bias), heads,
          List.of(headSize, headSize, headSize));
      Value q = rope.turn(sites, in, wanted, in.choose(graph, wanted, qkv.getFirst()), heads);
      Value k = rope.turn(sites, in, Rows.ALL, qkv.get(1), heads);
      Value seen = sites.attention("attention", causal(headSize), q, k, qkv.get(2), in.segments(wanted), in.maxLength());
      Value attended = sites.blockOutput("attention.dense", seen, hidden, bias);
      sites.module("post_attention_dropout", Kind.DROPOUT);
      sites.module("post_mlp_dropout", Kind.DROPOUT);
      Value y = graph.add(attended, rows);
      Value again = sites.layerNorm("post_attention_layernorm", parallel ? rows : y, eps);
      Value fed = feedForward(sites, again, "mlp.dense_h_to_4h", config.size("intermediate_size"), activation, "mlp.dense_4h_to_h", true);
      sites.module("mlp.act", Kind.ACTIVATION);
      return graph.add(fed, y);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      if (head instanceof Head.TokenClassification of) {
        sites.module("dropout", Kind.DROPOUT);
        return sites.linear("classifier", rows, of.labels(), true);
      }
      return super.logits(sites, head, rows);
    }

    @Override
    public Optional<Output> output() {
      return Optional.of(Decoders.output(config.flag("tie_word_embeddings", false), "gpt_neox.embed_in.weight", LossOp.Logits.PLAIN));
    }
  }
}
