package io.github.lora4j.lora;

import io.github.lora4j.lora.parameters.AdapterParameter;
import java.util.List;

/** See {@link Adapter#BASE}. */
record NoAdapter() implements Adapter {
  @Override
  public List<AdapterParameter> parameters() {
    return List.of();
  }
}
