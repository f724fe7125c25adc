package io.github.lora4j.lora;

import io.github.lora4j.lora.parameters.AdapterValues;

/** An adapter and its values; close it to release them. */
public record LoadedAdapter(Adapter adapter, AdapterValues values) implements AutoCloseable {
  @Override
  public void close() {
    values.close();
  }
}
