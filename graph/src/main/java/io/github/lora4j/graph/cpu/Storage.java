package io.github.lora4j.graph.cpu;

import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Conversions between Java arrays, compute types and storage types; outside the step, so plain loops. */
final class Storage {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private Storage() {}

  static double get(MemorySegment segment, DType type, long index) {
    return switch (type) {
      case F32 -> segment.getAtIndex(FLOAT, index);
      case F64 -> segment.getAtIndex(DOUBLE, index);
      case F16 -> Float.float16ToFloat(segment.getAtIndex(SHORT, index));
      case BF16 -> DType.bf16ToFloat(segment.getAtIndex(SHORT, index));
      default -> throw new IllegalArgumentException("not a float type: " + type);
    };
  }

  static void set(MemorySegment segment, DType type, long index, double value) {
    switch (type) {
      case F32 -> segment.setAtIndex(FLOAT, index, (float) value);
      case F64 -> segment.setAtIndex(DOUBLE, index, value);
      case F16 -> segment.setAtIndex(SHORT, index, Float.floatToFloat16((float) value));
      case BF16 -> segment.setAtIndex(SHORT, index, DType.floatToBf16((float) value));
      default -> throw new IllegalArgumentException("not a float type: " + type);
    }
  }

  static void convert(MemorySegment source, DType from, MemorySegment target, DType to, long elements) {
    if (from == to) {
      MemorySegment.copy(source, 0, target, 0, elements * from.bytes());
      return;
    }
    for (long i = 0; i < elements; i++) {
      set(target, to, i, get(source, from, i));
    }
  }

  static void fill(MemorySegment target, DType type, float[] source, int length) {
    if (type == DType.F32) {
      MemorySegment.copy(source, 0, target, FLOAT, 0, length);
      return;
    }
    for (int i = 0; i < length; i++) {
      set(target, type, i, source[i]);
    }
  }

  static float[] floats(MemorySegment source, DType type, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) get(source, type, i);
    }
    return values;
  }

  static boolean finite(MemorySegment segment, DType type, long elements) {
    for (long i = 0; i < elements; i++) {
      if (!Double.isFinite(get(segment, type, i))) {
        return false;
      }
    }
    return true;
  }
}
