package io.github.lora4j.models.families;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.models.Rows;
import io.github.lora4j.vector.Activation;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Gemma 2 (Gemma Team 2024): norms before and behind each block, soft caps of scores and logits, a window in every other layer. */
public final class Gemma2Family implements ModelFamily {
  /** GGUF's names of norms around blocks. */
  static final Map<String, String> NORMS = Map.of("layers.{}.post_attention_layernorm", "blk.{}.post_attention_norm",
      "layers.{}.pre_feedforward_layernorm", "blk.{}.ffn_norm", "layers.{}.post_feedforward_layernorm", "blk.{}.post_ffw_norm");

  @Override
  public Set<String> modelTypes() {
    return Set.of("gemma2");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("gemma2", "gemma2", GgufKeys.whole("attention.sliding_window", "sliding_window"),
        GgufKeys.number("attn_logit_softcapping", "attn_logit_softcapping"),
        GgufKeys.number("final_logit_softcapping", "final_logit_softcapping")).withShiftedNorms().completedBy(config -> scaled(config, 46)));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Gemma2(config, LlamaFamily.facts(LlamaFamily.classes("Gemma2", true), LlamaFamily.QUERIES, LlamaFamily.gguf(NORMS), List.of()),
        (of, layers) -> Windows.byType(of, layers, i -> i % 2 == 0 && of.has("sliding_window")));
  }

  /** The factor of scores, which llama.cpp knows by the number of layers: of the largest model it is that of even heads. */
  static void scaled(Map<String, Object> config, int largest) {
    boolean even = Integer.valueOf(largest).equals(config.get("num_hidden_layers"));
    Object scalar = even && config.get("hidden_size") instanceof Integer hidden && config.get("num_attention_heads") instanceof Integer heads
        ? Integer.valueOf(hidden / heads) : config.get("head_dim");
    if (scalar != null) {
      config.put("query_pre_attn_scalar", scalar);
    }
  }

  /** What Gemma 2 and 3 have in common. */
  static class Gemma2 extends GemmaFamily.Gemma {
    Gemma2(ModelConfig config, FamilyFacts facts, Windows windows) {
      super(config, facts, windows);
    }

    @Override
    Activation activation() {
      return config.activation("hidden_activation", "gelu_pytorch_tanh");
    }

    @Override
    double scale() {
      return Math.pow(config.positive("query_pre_attn_scalar", 256), -0.5);
    }

    @Override
    double softCap() {
      return config.has("attn_logit_softcapping") ? config.positive("attn_logit_softcapping") : 0;
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      sites.order("self_attn", "mlp");
      Value normed = norm(sites, "input_layernorm", x);
      Value rows = in.choose(sites.graph(), wanted, x);
      Value attended = norm(sites, "post_attention_layernorm", attention(sites, in, index, normed, wanted));
      Value y = sites.graph().add(attended, rows);
      Value again = feedForward(sites.within("mlp."), norm(sites, "pre_feedforward_layernorm", y));
      return sites.graph().add(norm(sites, "post_feedforward_layernorm", again), y);
    }

    @Override
    LossOp.Logits scaled() {
      return new LossOp.Logits(1, config.has("final_logit_softcapping") ? config.positive("final_logit_softcapping") : 0);
    }
  }
}
