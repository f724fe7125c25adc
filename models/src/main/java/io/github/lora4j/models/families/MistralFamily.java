package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.GgufKeys;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Mistral (Jiang et al. 2023): a Llama whose tokens see a window of those before them. */
public final class MistralFamily implements ModelFamily {
  // PEFT's table has no places for AdaLoRA here.
  private static final FamilyFacts.AdapterPlaces ADAPTERS = new FamilyFacts.AdapterPlaces(LlamaFamily.ADAPTERS.lora(), List.of(),
      LlamaFamily.ADAPTERS.ia3(), LlamaFamily.ADAPTERS.ia3Feedforward(), LlamaFamily.ADAPTERS.blockOutputs());

  @Override
  public Set<String> modelTypes() {
    return Set.of("mistral");
  }

  @Override
  public Optional<GgufKeys> gguf() {
    return new LlamaFamily().gguf();
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Llama(config, LlamaFamily.facts(LlamaFamily.classes("Mistral", true), ADAPTERS, LlamaFamily.GGUF, List.of("q_proj", "k_proj")),
        Llama.Biases.NONE, Windows.ALL);
  }
}
