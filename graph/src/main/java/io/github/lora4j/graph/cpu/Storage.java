package io.github.lora4j.graph.cpu;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Java arrays and single numbers in the memory of a program; outside the step, so plain loops. */
final class Storage {

  private Storage() {}

  static double get(MemorySegment segment, DType type, long index) {
    return new Elements(type).get(segment, index);
  }

  static void set(MemorySegment segment, DType type, long index, double value) {
    new Elements(type).set(segment, index, value);
  }

  static void fill(MemorySegment target, DType type, float[] source, int length) {
    if (type == DType.F32) {
      MemorySegment.copy(source, 0, target, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, length);
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
