package io.github.lora4j.lora;

import java.util.List;

/** See {@link Adapter#BASE}. */
record NoAdapter() implements Adapter {
  @Override
  public List<AdapterParameter> parameters() {
    return List.of();
  }
}
