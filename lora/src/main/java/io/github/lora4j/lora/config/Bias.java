package io.github.lora4j.lora.config;

import java.util.Locale;

/** Which biases of the base model train and are saved with the adapter. */
public enum Bias {
  NONE, ALL, LORA_ONLY;

  /** The name in {@code adapter_config.json}. */
  public String peftName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
