package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;
import static io.github.lora4j.vector.internal.Simd.widen;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * What adapters compute of their own small matrices; contracts are those of {@code Kernels}. Sums are in double and in the reference's order, so
 * that an adapter's bits do not depend on the width of vectors.
 */
public final class AdapterSums {

  /** Floats in half a vector: as many as there are doubles in a whole one. */
  private static final VectorSpecies<Float> HALF = VectorSpecies.of(float.class, VectorShape.forBitSize(BYTES * Byte.SIZE / 2));

  private AdapterSums() {}

  public static double gramPenalty(MemorySegment gram, double scale, MemorySegment factor, int r) {
    double square = 0;
    for (int i = 0; i < r * r; i++) {
      double excess = excess(gram, i, r);
      square += excess * excess;
    }
    double norm = Math.sqrt(square);
    double by = norm == 0 ? 0 : 2 * (scale / norm);
    for (int i = 0; i < r * r; i++) {
      factor.set(JAVA_FLOAT_UNALIGNED, i * 4L, (float) (by * excess(gram, i, r)));
    }
    return norm;
  }

  private static double excess(MemorySegment gram, int i, int r) {
    return gram.get(JAVA_FLOAT_UNALIGNED, i * 4L) - (double) (i % (r + 1) == 0 ? 1 : 0);
  }

  public static void mask(MemorySegment theta, MemorySegment mask, long from, long to) {
    long at = from * 4;
    for (long bound = whole(at, to * 4); at < bound; at += BYTES) {
      store(load(theta, at).blend(all(0f), load(mask, at).compare(VectorOperators.EQ, 0f)), theta, at);
    }
    if (at < to * 4) {
      var rest = rest(at, to * 4);
      store(load(theta, at, rest).blend(all(0f), load(mask, at, rest).compare(VectorOperators.EQ, 0f)), theta, at, rest);
    }
  }

  /** Terms of an output lie in order in two operands and a row apart in the third: too few to be worth bringing together. */
  public static void doraNorm(MemorySegment norms, MemorySegment m, MemorySegment b, MemorySegment t, double s, MemorySegment inverse, int r,
      int outputs, int from, int to) {
    for (int out = from; out < to; out++) {
      double norm = norms.get(JAVA_FLOAT_UNALIGNED, out * 4L);
      double square = norm * norm;
      for (int i = 0; i < r; i++) {
        long at = ((long) out * r + i) * 4;
        square += s * b.get(JAVA_FLOAT_UNALIGNED, at)
            * (2 * (double) m.get(JAVA_FLOAT_UNALIGNED, ((long) i * outputs + out) * 4) + s * t.get(JAVA_FLOAT_UNALIGNED, at));
      }
      inverse.set(JAVA_FLOAT_UNALIGNED, out * 4L, (float) (1 / Math.sqrt(square)));
    }
  }

  public static void columnScores(MemorySegment x, MemorySegment y, MemorySegment scores, boolean add, int rows, int cols) {
    int whole = cols - cols % Simd.LANES;
    for (int j = 0; j < whole; j += Simd.LANES) {
      DoubleVector low = DoubleVector.zero(Simd.D);
      DoubleVector high = DoubleVector.zero(Simd.D);
      for (int i = 0; i < rows; i++) {
        FloatVector a = load(x, ((long) i * cols + j) * 4);
        FloatVector b = load(y, ((long) i * cols + j) * 4);
        low = low.add(widen(a, 0).mul(widen(b, 0)));
        high = high.add(widen(a, 1).mul(widen(b, 1)));
      }
      FloatVector old = add ? load(scores, j * 4L) : all(0f);
      narrow(low.div(rows).add(widen(old, 0))).intoMemorySegment(scores, j * 4L, Simd.ORDER);
      narrow(high.div(rows).add(widen(old, 1))).intoMemorySegment(scores, j * 4L + BYTES / 2, Simd.ORDER);
    }
    for (int j = whole; j < cols; j++) {
      double sum = 0;
      for (int i = 0; i < rows; i++) {
        long at = ((long) i * cols + j) * 4;
        sum += (double) x.get(JAVA_FLOAT_UNALIGNED, at) * y.get(JAVA_FLOAT_UNALIGNED, at);
      }
      scores.set(JAVA_FLOAT_UNALIGNED, j * 4L, (float) (sum / rows + (add ? scores.get(JAVA_FLOAT_UNALIGNED, j * 4L) : 0)));
    }
  }

  private static FloatVector narrow(DoubleVector v) {
    return (FloatVector) v.convertShape(VectorOperators.D2F, HALF, 0);
  }
}
