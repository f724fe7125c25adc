package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.vector.ConfigException;
import java.util.List;

/**
 * A tensor of a GGUF file.
 *
 * @param name its name, at most 64 bytes
 * @param type how its values are stored
 * @param shape its dimensions, outermost first: the reverse of the order in the file
 */
public record GgufTensor(String name, GgmlType type, List<Long> shape) {

  /** Dimensions at most. */
  public static final int MAX_DIMENSIONS = 4;

  /** Copies the shape; one that has no blocks or more bytes than a {@code long} counts is a {@link ConfigException}. */
  public GgufTensor {
    shape = List.copyOf(shape);
    if (shape.size() > MAX_DIMENSIONS || shape.stream().anyMatch(dimension -> dimension < 1)) {
      throw new ConfigException("tensor %s: shape %s must have at most %d dimensions, each at least 1".formatted(name, shape, MAX_DIMENSIONS));
    }
    long row = shape.isEmpty() ? 1 : shape.getLast();
    if (row % type.blockValues() != 0) {
      throw new ConfigException("tensor %s: rows of %d values are no whole number of %s blocks, which hold %d"
          .formatted(name, row, type, type.blockValues()));
    }
    try {
      long values = 1;
      for (long dimension : shape) {
        values = Math.multiplyExact(values, dimension);
      }
      Math.multiplyExact(values / type.blockValues(), (long) type.blockBytes());
    } catch (ArithmeticException e) {
      throw new ConfigException("tensor %s: shape %s is too large".formatted(name, shape), e);
    }
  }

  /** Number of values. */
  public long elements() {
    return shape.stream().reduce(1L, (a, b) -> a * b);
  }

  /** Bytes of its data. */
  public long bytes() {
    return elements() / type.blockValues() * type.blockBytes();
  }

  /** Values of a row, which is the last dimension; 1 for a scalar. */
  public long columns() {
    return shape.isEmpty() ? 1 : shape.getLast();
  }

  /** Bytes of a row. */
  public long rowBytes() {
    return columns() / type.blockValues() * type.blockBytes();
  }
}
