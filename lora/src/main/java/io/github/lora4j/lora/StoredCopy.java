package io.github.lora4j.lora;

import io.github.lora4j.lora.parameters.AdapterParameter;
import java.util.List;
import java.util.Optional;

/**
 * A tensor that an adapter's file may hold although it says nothing new. PEFT writes such: both ends of adapters that are tied, and the
 * frozen weights of embeddings and output layers that are adapted ({@code save_embedding_layers="auto"}). lora4j writes the former and
 * checks both.
 *
 * @param key its name in the file
 * @param of the adapter parameter, or the frozen base parameter, that it repeats
 * @param transposed whether the other way round
 */
public record StoredCopy(String key, List<Long> shape, String of, boolean transposed) {

  /** Copies the list. */
  public StoredCopy {
    shape = List.copyOf(shape);
  }

  /** The trained parameter that it repeats; empty: a frozen one of the base. */
  public Optional<AdapterParameter> trained(Adapter adapter) {
    return adapter.parameters().stream().filter(p -> p.slot().equals(of)).findFirst();
  }
}
