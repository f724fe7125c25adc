package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Qwen2 and Qwen2.5 (Yang et al. 2024): a Llama with biases on queries, keys and values; some have a window in their upper layers. */
public final class Qwen2Family implements ModelFamily {
  @Override
  public Set<String> modelTypes() {
    return Set.of("qwen2");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return Optional.of(GgufKeys.decoder("qwen2", "qwen2"));
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Llama(config, LlamaFamily.facts(LlamaFamily.classes("Qwen2", true), LlamaFamily.QUERIES, LlamaFamily.GGUF, List.of()),
        new Llama.Biases(true, false, config.flag("mlp_bias", false)), Windows.UPPER);
  }
}
