package io.github.lora4j.models.families;

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

/** Phi-1, 1.5 and 2 (Gunasekar et al. 2023): one layer norm for attention and feed-forward side by side, of whose heads a part turns. */
public final class PhiFamily implements ModelFamily {
  private static final FamilyFacts.AdapterPlaces ADAPTERS = new FamilyFacts.AdapterPlaces(List.of("q_proj", "v_proj", "fc1", "fc2"), List.of(),
      List.of("q_proj", "v_proj", "fc2"), List.of("fc2"), List.of("self_attn.dense", "mlp.fc2"));

  @Override
  public Set<String> modelTypes() {
    return Set.of("phi");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.layerNormed("phi2", "phi", "layer_norm_eps").completedBy(
        config -> config.putIfAbsent("partial_rotary_factor", 1.0)));
  }

  @Override
  public Architecture of(ModelConfig config) {
    config.unset("qk_layernorm");
    return new Phi(config);
  }

  private static final class Phi extends Llama {
    Phi(ModelConfig config) {
      super(config, LlamaFamily.facts(LlamaFamily.classes("Phi", true), ADAPTERS, LlamaFamily.gguf(Map.of("layers.{}.self_attn.dense",
          "blk.{}.attn_output", "layers.{}.mlp.fc1", "blk.{}.ffn_up", "layers.{}.mlp.fc2", "blk.{}.ffn_down", "final_layernorm", "output_norm"),
          "layers.{}.self_attn.o_proj", "layers.{}.mlp.gate_proj", "layers.{}.mlp.up_proj", "layers.{}.mlp.down_proj", "norm",
          "layers.{}.post_attention_layernorm"), List.of()), new Biases(true, true, true));
    }

    @Override
    Rope rope() {
      ModelConfig parameters = RopeScaling.parameters(config);
      return config.has("partial_rotary_factor") || parameters.has("partial_rotary_factor") ? super.rope()
          : Rope.of(Rope.TABLE, config, parameters.with("partial_rotary_factor", 0.5), headSize);
    }

    @Override
    Value norm(Sites sites, String module, Value x, int columns) {
      return sites.layerNorm(module, x, config.positive("layer_norm_eps", 1e-5));
    }

    @Override
    Activation activation() {
      return config.activation("hidden_act", "gelu_new");
    }

    @Override
    String finalNorm() {
      return "final_layernorm";
    }

    @Override
    String outputModule() {
      return "dense";
    }

    @Override
    Value embedded(Sites sites, Value words) {
      sites.order("embed_tokens", "layers");
      sites.module("embed_dropout", Kind.DROPOUT);
      return words;
    }

    @Override
    Value layer(Sites sites, PackedInputs in, int index, Value x, Rows wanted) {
      Value y = sideBySide(sites, in, index, x, wanted);
      sites.module("resid_dropout", Kind.DROPOUT);
      return y;
    }

    @Override
    Value feedForward(Sites sites, Value x) {
      sites.module("activation_fn", Kind.ACTIVATION);
      return feedForward(sites, x, "fc1", inner, activation, "fc2", true);
    }

    @Override
    public Value logits(Sites sites, Head head, Value rows) {
      return Decoders.biasedLogits(sites, this, head, rows, tied() ? "model.embed_tokens.weight" : "lm_head.weight");
    }

    @Override
    public Optional<Output> output() {
      return Optional.empty();
    }
  }
}
