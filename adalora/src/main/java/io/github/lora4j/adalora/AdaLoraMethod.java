package io.github.lora4j.adalora;

import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.plain.LoraMethod;
import java.util.Map;
import java.util.OptionalDouble;

/** AdaLoRA, "adalora" in a recipe. */
public final class AdaLoraMethod implements AdapterMethod {

  /**
   * lora_alpha where a recipe says nothing: the authors' value on most tasks. PEFT's 8 leaves updates so small that training hardly leaves
   * the base model.
   */
  static final double DEFAULT_ALPHA = 32;

  @Override
  public String name() {
    return "adalora";
  }

  @Override
  public String peftType() {
    return "ADALORA";
  }

  @Override
  public AdaLoraAdapter create(Map<String, ?> settings, ModelDescription model) {
    AdaLoraConfig config = AdaLoraConfigJson.read(settings, model, "adalora", true);
    return new AdaLoraAdapter(config, new LoraMethod().create(config.lora(), model));
  }

  @Override
  public AdaLoraAdapter restore(Map<String, ?> peftConfig, ModelDescription model) {
    AdaLoraConfig config = AdaLoraConfigJson.read(peftConfig, model, "adapter_config.json", false);
    return new AdaLoraAdapter(config, new LoraMethod().restore(config.lora(), model));
  }

  /** Singular values start at zero and are multiplied with factors of 0.02, so they need longer steps than LoRA's matrices. */
  @Override
  public OptionalDouble learningRate() {
    return OptionalDouble.of(5e-3);
  }
}
