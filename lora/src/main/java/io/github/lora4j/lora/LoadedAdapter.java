package io.github.lora4j.lora;

/** An adapter and its values; close it to release them. */
public record LoadedAdapter(Adapter adapter, AdapterValues values) implements AutoCloseable {
  @Override
  public void close() {
    values.close();
  }
}
