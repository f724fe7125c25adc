package io.github.lora4j.lora.config;

import java.util.Locale;

/** Which biases of the base model train and are saved with the adapter. */
public enum Bias {
  /** None of them. */
  NONE,
  /** All biases of the model. */
  ALL,
  /** Those of the modules that are adapted. */
  LORA_ONLY;

  /** The name in {@code adapter_config.json}. */
  public String peftName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
