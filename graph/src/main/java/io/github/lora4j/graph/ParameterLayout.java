package io.github.lora4j.graph;

import java.util.List;

/**
 * Where trainables lie. All are slices of one arena, their gradients and optimizer moments slices of equal arenas at the same
 * offsets, so norm, clipping and the update are one op each however many tensors there are.
 */
public record ParameterLayout(List<Range> ranges) {

  /** Ranges start on cache lines: 16 F32 elements, 8 of F64, so 16 serves both. */
  private static final int ALIGN = 16;

  /**
   * One trainable.
   *
   * @param offset first element in each arena
   * @param group parameter group: its learning rate and weight decay
   */
  public record Range(Value value, Value gradient, long offset, int group) {
    /** Elements of the trainable. */
    public long length() {
      return value.shape().elements();
    }
  }

  /** Copies the list. */
  public ParameterLayout {
    ranges = List.copyOf(ranges);
  }

  /** Elements of one arena, padding included. */
  public long elements() {
    return ranges.isEmpty() ? 0 : align(ranges.getLast().offset + ranges.getLast().length());
  }

  /** Elements that train, padding excluded. */
  public long trainable() {
    return ranges.stream().mapToLong(Range::length).sum();
  }

  /** Number of parameter groups: one more than the largest in use. */
  public int groups() {
    return 1 + ranges.stream().mapToInt(Range::group).max().orElse(0);
  }

  /** Where the next range starts. */
  static long align(long n) {
    return (n + ALIGN - 1) / ALIGN * ALIGN;
  }
}
