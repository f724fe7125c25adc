package io.github.lora4j.vector.internal.reference;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;

/** Reads and writes single elements of one floating-point type as doubles; a write rounds once. */
public record Elements(DType type) {

  /** Checks the type. */
  public Elements {
    if (!type.isFloat()) {
      throw new ConfigException("kernels compute on floats, not on " + type);
    }
  }

  /** Element {@code i}, widened exactly. */
  public double get(MemorySegment s, long i) {
    return switch (type) {
      case F32 -> s.get(JAVA_FLOAT_UNALIGNED, i * 4);
      case F64 -> s.get(JAVA_DOUBLE_UNALIGNED, i * 8);
      case F16 -> Float.float16ToFloat(s.get(JAVA_SHORT_UNALIGNED, i * 2));
      case BF16 -> DType.bf16ToFloat(s.get(JAVA_SHORT_UNALIGNED, i * 2));
      default -> throw new AssertionError(type);
    };
  }

  /** Writes element {@code i}, rounded to nearest. */
  public void set(MemorySegment s, long i, double value) {
    switch (type) {
      case F32 -> s.set(JAVA_FLOAT_UNALIGNED, i * 4, (float) value);
      case F64 -> s.set(JAVA_DOUBLE_UNALIGNED, i * 8, value);
      case F16 -> s.set(JAVA_SHORT_UNALIGNED, i * 2, Float.floatToFloat16((float) value));
      case BF16 -> s.set(JAVA_SHORT_UNALIGNED, i * 2, DType.floatToBf16((float) value));
      default -> throw new AssertionError(type);
    }
  }

  /** Element {@code i} of an operand that may be absent: then 0. */
  public double optional(MemorySegment s, long i) {
    return absent(s) ? 0 : get(s, i);
  }

  /** Entry {@code i} of a table of I32. */
  public static int id(MemorySegment s, long i) {
    return s.get(JAVA_INT_UNALIGNED, i * 4);
  }

  /** Whether the operand is {@link MemorySegment#NULL}. */
  public static boolean absent(MemorySegment s) {
    return s.address() == 0;
  }
}
