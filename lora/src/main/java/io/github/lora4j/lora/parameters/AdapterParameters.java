package io.github.lora4j.lora.parameters;

import io.github.lora4j.lora.Adapter;
import java.util.List;

/** Something that trains parameters: what all readers of an {@link Adapter} share. */
@FunctionalInterface
public interface AdapterParameters {

  /** Everything that trains, in the order of the model's modules: the adapter's own tensors, then those of the base model. */
  List<AdapterParameter> parameters();
}
