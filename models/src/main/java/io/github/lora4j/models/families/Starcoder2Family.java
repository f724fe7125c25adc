package io.github.lora4j.models.families;

import io.github.lora4j.graph.ModuleInfo.Kind;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import io.github.lora4j.vector.Activation;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** StarCoder2 (Lozhkov et al. 2024): layer norms, biases, a plain feed-forward and a window. */
public final class Starcoder2Family implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("starcoder2");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.layerNormed("starcoder2", "starcoder2", "norm_epsilon", GgufKeys.tensor("blk.0.attn_q.bias", "use_bias")));
  }

  @Override
  public Architecture of(ModelConfig config) {
    config.only("mlp_type", "default");
    config.only("norm_type", "layer_norm");
    return new Starcoder2(config);
  }

  private static final class Starcoder2 extends Llama {
    Starcoder2(ModelConfig config) {
      super(config, LlamaFamily.facts(LlamaFamily.classes("Starcoder2", true), new FamilyFacts.AdapterPlaces(List.of(),
          List.of(), List.of(), List.of(), List.of("self_attn.o_proj", "mlp.c_proj")), LlamaFamily.gguf(Map.of("layers.{}.mlp.c_fc",
          "blk.{}.ffn_up", "layers.{}.mlp.c_proj", "blk.{}.ffn_down"), "layers.{}.mlp.gate_proj", "layers.{}.mlp.up_proj",
          "layers.{}.mlp.down_proj"), List.of()), new Biases(config.flag("use_bias", true), config.flag("use_bias", true),
          config.flag("use_bias", true)), Windows.ALL);
    }

    @Override
    Value norm(Sites sites, String module, Value x, int columns) {
      return sites.layerNorm(module, x, config.positive("norm_epsilon", 1e-5));
    }

    @Override
    Activation activation() {
      return config.activation("hidden_act", "gelu_pytorch_tanh");
    }

    @Override
    Value feedForward(Sites sites, Value x) {
      Value down = feedForward(sites, x, "c_fc", inner, activation, "c_proj", biases.feedForward());
      sites.module("act", Kind.ACTIVATION);
      return down;
    }

    @Override
    boolean tied() {
      return config.flag("tie_word_embeddings", true);
    }
  }
}
