package io.github.lora4j.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Native buffers for tests: exactly as long as their data, so that reading past the end is an error. */
final class Data {
  private final Random random;
  private final Elements type;

  Data(DType type, long seed) {
    this.type = new Elements(type);
    this.random = new Random(seed);
  }

  /** Zeros. */
  MemorySegment zeros(long count) {
    return Arena.ofAuto().allocate(count * type.type().bytes(), 64);
  }

  /** Standard normal numbers. */
  MemorySegment normal(long count) {
    MemorySegment s = zeros(count);
    for (long i = 0; i < count; i++) {
      type.set(s, i, random.nextGaussian());
    }
    return s;
  }

  /** A copy, to be changed. */
  static MemorySegment copy(MemorySegment s) {
    return Arena.ofAuto().allocate(s.byteSize(), 64).copyFrom(s);
  }

  static MemorySegment ints(int... values) {
    return Arena.ofAuto().allocate(Math.max(values.length, 1) * 4L, 64).copyFrom(MemorySegment.ofArray(values));
  }

  static MemorySegment floats(float... values) {
    return Arena.ofAuto().allocate(values.length * 4L, 64).copyFrom(MemorySegment.ofArray(values));
  }

  static MemorySegment doubles(double... values) {
    return Arena.ofAuto().allocate(values.length * 8L, 64).copyFrom(MemorySegment.ofArray(values));
  }

  int[] uniform(int count, int bound) {
    return random.ints(count, 0, bound).toArray();
  }

  static float[] floats(MemorySegment s) {
    return s.toArray(JAVA_FLOAT);
  }

  static double[] doubles(MemorySegment s) {
    return s.toArray(JAVA_DOUBLE);
  }

  static int[] ints(MemorySegment s) {
    return s.toArray(JAVA_INT);
  }

  /** Fails unless all floats agree within {@code tolerance} units of 2⁻²³ of the greatest expected one, or of {@code terms}. */
  static void assertClose(String what, MemorySegment expected, MemorySegment actual, double tolerance, double terms) {
    double scale = terms;
    float[] want = floats(expected);
    float[] got = floats(actual);
    for (float value : want) {
      scale = Math.max(scale, Float.isFinite(value) ? Math.abs(value) : 0);
    }
    for (int i = 0; i < want.length; i++) {
      boolean same = Float.compare(want[i], got[i]) == 0 || Math.abs((double) want[i] - got[i]) <= tolerance * 0x1p-23 * scale;
      if (!same) {
        throw new AssertionError("%s: element %d is %s, expected %s within %s".formatted(what, i, got[i], want[i],
            tolerance * 0x1p-23 * scale));
      }
    }
  }
}
