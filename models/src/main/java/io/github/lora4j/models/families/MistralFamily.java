package io.github.lora4j.models.families;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.FamilyFacts;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.models.ModelFamily;
import java.util.List;
import java.util.Set;

/** Mistral (Jiang et al. 2023): a Llama whose tokens see a window of those before them. */
public final class MistralFamily implements ModelFamily {
  // PEFT's tables have no places for AdaLoRA and (IA)³ here.
  private static final FamilyFacts.AdapterPlaces ADAPTERS = new FamilyFacts.AdapterPlaces(LlamaFamily.ADAPTERS.lora(), List.of(), List.of(),
      List.of(), LlamaFamily.ADAPTERS.blockOutputs());

  @Override
  public Set<String> modelTypes() {
    return Set.of("mistral");
  }

  @Override
  public Architecture of(ModelConfig config) {
    return new Llama(config, LlamaFamily.facts(LlamaFamily.classes("Mistral", true), ADAPTERS, LlamaFamily.GGUF, List.of("q_proj", "k_proj")),
        Llama.Biases.NONE, Windows.ALL);
  }
}
