package io.github.lora4j.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * Elements of one floating-point type one behind another, read and written as doubles; a write rounds once, to nearest even (to F16 and BF16 by way
 * of F32, as in PyTorch). As a format of weights a block is one element.
 */
public record Elements(DType type) implements WeightFormat {

  private static final Elements FLOATS = new Elements(DType.F32);

  /** Checks the type. */
  public Elements {
    if (!type.isFloat()) {
      throw new ConfigException("weights and what is computed with them are F32, F64, F16 or BF16, not " + type);
    }
  }

  @Override
  public String name() {
    return type.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public int blockValues() {
    return 1;
  }

  @Override
  public int blockBytes() {
    return type.bytes();
  }

  /** Element {@code i}, widened exactly. */
  public double get(MemorySegment s, long i) {
    return switch (type) {
      case F32 -> s.get(JAVA_FLOAT_UNALIGNED, i * 4);
      case F64 -> s.get(JAVA_DOUBLE_UNALIGNED, i * 8);
      case F16 -> Float.float16ToFloat(s.get(JAVA_SHORT_UNALIGNED, i * 2));
      case BF16 -> DType.bf16ToFloat(s.get(JAVA_SHORT_UNALIGNED, i * 2));
      case I32, I64, I16, I8, U8, BOOL -> throw new AssertionError(type);
    };
  }

  /** Writes element {@code i}, rounded. */
  public void set(MemorySegment s, long i, double value) {
    switch (type) {
      case F32 -> s.set(JAVA_FLOAT_UNALIGNED, i * 4, (float) value);
      case F64 -> s.set(JAVA_DOUBLE_UNALIGNED, i * 8, value);
      case F16 -> s.set(JAVA_SHORT_UNALIGNED, i * 2, Float.floatToFloat16((float) value));
      case BF16 -> s.set(JAVA_SHORT_UNALIGNED, i * 2, DType.floatToBf16((float) value));
      case I32, I64, I16, I8, U8, BOOL -> throw new AssertionError(type);
    }
  }

  /** Element {@code i} of an operand that may be {@link MemorySegment#NULL}: then 0. */
  public double optional(MemorySegment s, long i) {
    return s.address() == 0 ? 0 : get(s, i);
  }

  /** Converts {@code count} elements to another type; elements of the same type are copied, bit by bit. */
  public void convert(MemorySegment source, Elements to, MemorySegment target, long count) {
    if (to.type == type) {
      MemorySegment.copy(source, 0, target, 0, count * type.bytes());
      return;
    }
    for (long i = 0; i < count; i++) {
      to.set(target, i, get(source, i));
    }
  }

  @Override
  public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
    convert(blocks.asSlice(at), FLOATS, floats.asSlice(to), count);
  }

  @Override
  public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
    FLOATS.convert(floats.asSlice(from), this, blocks.asSlice(at), count);
  }
}
