package io.github.lora4j.lora.parameters;

import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;

/** What merging an adapter does to one tensor of the base model, in place. */
@FunctionalInterface
public interface WeightChange {

  /**
   * Applies it.
   *
   * @param type element type of the tensor
   * @throws io.github.lora4j.vector.FormatException when an element of the result is not finite, naming the tensor
   */
  void apply(DType type, MemorySegment data);
}
