package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Set;

/** Qwen2 (Yang et al. 2024): a Llama with biases on queries, keys and values. */
public final class Qwen2Family implements ModelFamily {

  @Override
  public Set<String> modelTypes() {
    return Set.of("qwen2");
  }

  @Override
  public Architecture of(ModelConfig config) {
    config.only("hidden_act", "silu");
    config.unset("use_sliding_window");
    return new LlamaFamily.Llama(config, LlamaFamily.facts("Qwen2", LlamaFamily.ADAPTERS, List.of()),
        new LlamaFamily.Biases(true, false, config.flag("mlp_bias", false)), config.size("max_position_embeddings"));
  }
}
