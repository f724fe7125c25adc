package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.NATIVE;
import static io.github.lora4j.vector.internal.gemm.Lanes.SPECIES;
import static io.github.lora4j.vector.internal.gemm.Lanes.WIDTH;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Row copies and the widening of stored elements, always a whole number of vectors into scratch. */
final class Copies {

  private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SPECIES.vectorShape());
  private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(COUNT * Short.SIZE));
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final float F16_SCALE = 0x1p112f;

  private Copies() {}

  /**
   * Copies {@code depth} pieces of rows, {@code columns} floats each, to dense rows of {@code width}, a multiple of the vector length,
   * that end in zeros. Widths of full panels have loops of their own: a loop of three or four turns costs ten times the copy.
   */
  static void rows(MemorySegment source, long from, long rowBytes, int columns, MemorySegment out, long to, int width, int depth) {
    if (columns == width && width == 4 * COUNT) {
      for (int p = 0; p < depth; p++) {
        pair(source, from + p * rowBytes, out, to + p * 4 * WIDTH);
        pair(source, from + p * rowBytes + 2 * WIDTH, out, to + p * 4 * WIDTH + 2 * WIDTH);
      }
    } else if (columns == width && width == 3 * COUNT) {
      for (int p = 0; p < depth; p++) {
        pair(source, from + p * rowBytes, out, to + p * 3 * WIDTH);
        one(source, from + p * rowBytes + 2 * WIDTH, out, to + p * 3 * WIDTH + 2 * WIDTH);
      }
    } else if (columns == width && width == 2 * COUNT) {
      for (int p = 0; p < depth; p++) {
        pair(source, from + p * rowBytes, out, to + p * 2 * WIDTH);
      }
    } else {
      for (int p = 0; p < depth; p++) {
        edge(source, from + p * rowBytes, columns, out, to + bytes((long) p * width), width);
      }
    }
  }

  private static void one(MemorySegment source, long from, MemorySegment out, long to) {
    FloatVector.fromMemorySegment(SPECIES, source, from, NATIVE).intoMemorySegment(out, to, NATIVE);
  }

  private static void pair(MemorySegment source, long from, MemorySegment out, long to) {
    FloatVector x = FloatVector.fromMemorySegment(SPECIES, source, from, NATIVE);
    FloatVector y = FloatVector.fromMemorySegment(SPECIES, source, from + WIDTH, NATIVE);
    x.intoMemorySegment(out, to, NATIVE);
    y.intoMemorySegment(out, to + WIDTH, NATIVE);
  }

  private static void edge(MemorySegment source, long from, int columns, MemorySegment out, long to, int width) {
    int whole = columns - columns % COUNT;
    for (int j = 0; j < whole; j += COUNT) {
      one(source, from + bytes(j), out, to + bytes(j));
    }
    for (int j = whole; j < columns; j++) {
      out.set(FLOAT, to + bytes(j), source.get(FLOAT, from + bytes(j)));
    }
    for (int j = columns; j < width; j++) {
      out.set(FLOAT, to + bytes(j), 0f);
    }
  }

  /**
   * The same for pieces of at most eight floats, to rows of eight. Fewer are copied by a method of their own: its loop over columns, in one
   * method with the other, made C2 hoist a bounds check that the last row of a narrow operand fails, and the method fell back to the
   * interpreter at every step.
   */
  static void eights(MemorySegment source, long from, long rowBytes, int columns, MemorySegment out, long to, int depth) {
    if (columns < 8) {
      fewer(source, from, rowBytes, columns, out, to, depth);
      return;
    }
    for (int p = 0; p < depth; p++) {
      long in = from + p * rowBytes;
      long at = to + p * 32L;
      out.set(LONG, at, source.get(LONG, in));
      out.set(LONG, at + 8, source.get(LONG, in + 8));
      out.set(LONG, at + 16, source.get(LONG, in + 16));
      out.set(LONG, at + 24, source.get(LONG, in + 24));
    }
  }

  private static void fewer(MemorySegment source, long from, long rowBytes, int columns, MemorySegment out, long to, int depth) {
    for (int p = 0; p < depth; p++) {
      long in = from + p * rowBytes;
      long at = to + p * 32L;
      for (int j = 0; j < columns; j++) {
        out.set(FLOAT, at + bytes(j), source.get(FLOAT, in + bytes(j)));
      }
      for (int j = columns; j < 8; j++) {
        out.set(FLOAT, at + bytes(j), 0f);
      }
    }
  }

  /** Widens {@code count} BF16, a multiple of the vector length, to floats. */
  static void widenBf16(MemorySegment source, long from, long count, MemorySegment out, long to) {
    for (int j = 0; j < (int) count; j += COUNT) {
      ints(source, from + j * 2L).lanewise(VectorOperators.LSHL, 16).intoMemorySegment(out, to + j * 4L, NATIVE);
    }
  }

  /**
   * The same for F16: moves exponent and mantissa to their places in an F32 and multiplies by 2^112, which corrects the bias and is exact for
   * subnormals too; infinities and NaNs, where the exponent was all ones, get the F32's all-ones exponent.
   */
  static void widenF16(MemorySegment source, long from, long count, MemorySegment out, long to) {
    for (int j = 0; j < (int) count; j += COUNT) {
      IntVector bits = ints(source, from + j * 2L);
      IntVector magnitude = bits.and(0x7FFF).lanewise(VectorOperators.LSHL, 13);
      IntVector scaled = magnitude.reinterpretAsFloats().mul(F16_SCALE).reinterpretAsInts();
      IntVector special = scaled.or(0x7F800000);
      IntVector value = scaled.blend(special, magnitude.compare(VectorOperators.GE, 0x7C00 << 13));
      value.or(bits.and(0x8000).lanewise(VectorOperators.LSHL, 16)).intoMemorySegment(out, to + j * 4L, NATIVE);
    }
  }

  private static IntVector ints(MemorySegment source, long from) {
    return (IntVector) ShortVector.fromMemorySegment(SHORTS, source, from, NATIVE).convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
  }
}
