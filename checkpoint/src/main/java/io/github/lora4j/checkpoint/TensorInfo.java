package io.github.lora4j.checkpoint;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.util.List;

/**
 * Name, element type and shape of one tensor of a file; a scalar has the empty shape.
 *
 * @param name the tensor's name, Hugging Face's where the format allows
 * @param dtype the element type as stored
 * @param shape the dimensions, outermost first
 */
public record TensorInfo(String name, DType dtype, List<Long> shape) {

  /** Copies the shape; a negative dimension or more bytes than a {@code long} counts is a {@link ConfigException}. */
  public TensorInfo {
    shape = List.copyOf(shape);
    long bytes = dtype.bytes();
    for (long dimension : shape) {
      if (dimension < 0 || dimension != 0 && bytes > Long.MAX_VALUE / dimension) {
        throw new ConfigException("tensor " + name + ": shape " + shape + " is negative or too large");
      }
      bytes *= dimension;
    }
  }

  /** Number of elements, the product of the shape. */
  public long elements() {
    long count = 1;
    for (long dimension : shape) {
      count *= dimension;
    }
    return count;
  }

  /** Size in the file in bytes. */
  public long bytes() {
    return elements() * dtype.bytes();
  }
}
