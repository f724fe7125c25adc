package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** Logarithms of probabilities at given columns, over a vocabulary in chunks; what is done once a row stays scalar. */
public final class Primitives {

  /** Columns of a chunk: 16 KB, which stay in the first cache between the maximum and the sum. */
  private static final int CHUNK = 4096;

  private Primitives() {}

  public static void shift(MemorySegment x, float beta, MemorySegment out, long from, long to) {
    boolean fill = Operands.absent(x);
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    for (; at < bound; at += BYTES) {
      store(fill ? all(beta) : load(x, at).add(beta), out, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      store(fill ? all(beta) : load(x, at, rest).add(beta), out, at, rest);
    }
  }

  public static void logSoftmaxAt(MemorySegment logits, MemorySegment columns, int picks, MemorySegment out, MemorySegment stats, int cols, int from,
      int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      float max = Float.NEGATIVE_INFINITY;
      double sum = 0;
      for (int first = 0; first < cols; first += CHUNK) {
        long at = (row + first) * 4;
        long end = (row + Math.min(cols, first + CHUNK)) * 4;
        float most = Losses.max(logits, at, end);
        // Not "above", so that NaN is taken over.
        if (!(most <= max)) {
          sum *= Math.exp(max - most);
          max = most;
        }
        sum += Losses.expSum(logits, max, at, end);
      }
      stats.setAtIndex(JAVA_FLOAT, 2L * i, max);
      stats.setAtIndex(JAVA_FLOAT, 2L * i + 1, (float) sum);
      for (long pick = (long) i * picks; pick < (i + 1L) * picks; pick++) {
        int column = Operands.column(columns, pick, cols);
        out.setAtIndex(JAVA_FLOAT, pick, column < 0 ? 0 : (float) (logits.getAtIndex(JAVA_FLOAT, row + column) - max - Math.log(sum)));
      }
    }
  }

  public static void logSoftmaxAtGrad(MemorySegment logits, MemorySegment columns, int picks, MemorySegment stats, MemorySegment dOut,
      MemorySegment dLogits, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      float total = 0;
      for (long pick = (long) i * picks; pick < (i + 1L) * picks; pick++) {
        total += Operands.column(columns, pick, cols) < 0 ? 0 : dOut.getAtIndex(JAVA_FLOAT, pick);
      }
      if (total == 0) {
        Simd.zero(dLogits, row * 4, cols * 4L);
      } else {
        softmax(logits, stats.getAtIndex(JAVA_FLOAT, 2L * i), -total / stats.getAtIndex(JAVA_FLOAT, 2L * i + 1), dLogits, row * 4, (row + cols) * 4);
      }
      for (long pick = (long) i * picks; pick < (i + 1L) * picks; pick++) {
        int column = Operands.id(columns, pick);
        if (column >= 0) {
          long at = row + column;
          dLogits.setAtIndex(JAVA_FLOAT, at, dLogits.getAtIndex(JAVA_FLOAT, at) + dOut.getAtIndex(JAVA_FLOAT, pick));
        }
      }
    }
  }

  /** out = factor · e^(x − max). */
  private static void softmax(MemorySegment x, float max, float factor, MemorySegment out, long at, long end) {
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      store(VectorMath.expOfNegative(load(x, at).sub(max)).mul(factor), out, at);
    }
    for (; at < end; at += 4) {
      out.set(JAVA_FLOAT, at, ScalarMath.expOfNegative(x.get(JAVA_FLOAT, at) - max) * factor);
    }
  }
}
