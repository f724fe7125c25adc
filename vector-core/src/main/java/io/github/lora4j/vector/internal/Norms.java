package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** Layer norm and unit norm of rows, with their gradients. Contracts are those of {@code Kernels}. */
public final class Norms {

  private Norms() {}

  public static void layerNorm(MemorySegment x, MemorySegment gamma, MemorySegment beta, MemorySegment y, MemorySegment stats, int cols,
      double eps, int from, int to) {
    long bytes = cols * 4L;
    for (long row = from * bytes, i = from; i < to; i++, row += bytes) {
      float mean = Elementwise.rowSum(x, row, row + bytes) / cols;
      double variance = (double) Elementwise.rowSquares(x, mean, row, row + bytes) / cols;
      float rstd = (float) (1 / Math.sqrt(variance + eps));
      stats.setAtIndex(JAVA_FLOAT, 2 * i, mean);
      stats.setAtIndex(JAVA_FLOAT, 2 * i + 1, rstd);
      if (Operands.absent(beta)) {
        normalize(x, gamma, y, mean, rstd, row, bytes);
      } else {
        normalize(x, gamma, beta, y, mean, rstd, row, bytes);
      }
    }
  }

  private static void normalize(MemorySegment x, MemorySegment gamma, MemorySegment beta, MemorySegment y, float mean, float rstd, long row,
      long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).sub(mean).mul(rstd).fma(load(gamma, j), load(beta, j)), y, row + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).sub(mean).mul(rstd).fma(load(gamma, j, rest), load(beta, j, rest)), y, row + j, rest);
    }
  }

  private static void normalize(MemorySegment x, MemorySegment gamma, MemorySegment y, float mean, float rstd, long row, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).sub(mean).mul(rstd).mul(load(gamma, j)), y, row + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).sub(mean).mul(rstd).mul(load(gamma, j, rest)), y, row + j, rest);
    }
  }

  public static void layerNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend,
      MemorySegment dx, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (long row = from * bytes, i = from; i < to; i++, row += bytes) {
      layerNormGradRow(dy, x, gamma, addend, dx, stats.getAtIndex(JAVA_FLOAT, 2 * i), stats.getAtIndex(JAVA_FLOAT, 2 * i + 1), row, cols);
    }
  }

  private static void layerNormGradRow(MemorySegment dy, MemorySegment x, MemorySegment gamma, MemorySegment addend, MemorySegment dx,
      float mean, float rstd, long row, int cols) {
    long bytes = cols * 4L;
    long bound = whole(0, bytes);
    var sum = all(0f);
    var dot = all(0f);
    for (long j = 0; j < bound; j += BYTES) {
      var g = load(dy, row + j).mul(load(gamma, j));
      sum = sum.add(g);
      dot = load(x, row + j).sub(mean).fma(g, dot);
    }
    // What does not fill a vector goes one by one: with masks the method is so long that vectors in it become objects.
    float total = Simd.sum(sum);
    float moment = Simd.sum(dot);
    for (long j = bound; j < bytes; j += 4) {
      float g = dy.get(JAVA_FLOAT, row + j) * gamma.get(JAVA_FLOAT, j);
      total += g;
      moment = Math.fma(x.get(JAVA_FLOAT, row + j) - mean, g, moment);
    }
    // dx = rstd·(g − mean(g) − (x − mean)·rstd²·mean(g·(x − mean)))
    float shift = total / cols;
    float slope = -rstd * rstd * moment / cols;
    boolean plus = !Operands.absent(addend);
    if (plus) {
      for (long j = 0; j < bound; j += BYTES) {
        var g = load(dy, row + j).mul(load(gamma, j));
        var value = load(x, row + j).sub(mean).fma(all(slope), g.sub(shift));
        store(value.fma(all(rstd), load(addend, row + j)), dx, row + j);
      }
    } else {
      for (long j = 0; j < bound; j += BYTES) {
        var g = load(dy, row + j).mul(load(gamma, j));
        store(load(x, row + j).sub(mean).fma(all(slope), g.sub(shift)).mul(rstd), dx, row + j);
      }
    }
    for (long j = bound; j < bytes; j += 4) {
      float g = dy.get(JAVA_FLOAT, row + j) * gamma.get(JAVA_FLOAT, j);
      float value = Math.fma(x.get(JAVA_FLOAT, row + j) - mean, slope, g - shift);
      dx.set(JAVA_FLOAT, row + j, Math.fma(value, rstd, plus ? addend.get(JAVA_FLOAT, row + j) : 0));
    }
  }

  public static void layerNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum,
      MemorySegment betaSum, int slot, int cols, int from, int to) {
    long bytes = cols * 4L;
    Simd.zero(gammaSum, slot * bytes, bytes);
    for (int i = from; i < to; i++) {
      addNormalized(dy, x, stats.getAtIndex(JAVA_FLOAT, 2L * i), stats.getAtIndex(JAVA_FLOAT, 2L * i + 1), i * bytes, gammaSum,
          slot * bytes, bytes);
    }
    Rows.columnSums(dy, betaSum, slot, cols, from, to);
  }

  /** sum += dy·(x − mean)·rstd. */
  private static void addNormalized(MemorySegment dy, MemorySegment x, float mean, float rstd, long row, MemorySegment sum, long at,
      long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).sub(mean).mul(rstd).fma(load(dy, row + j), load(sum, at + j)), sum, at + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).sub(mean).mul(rstd).fma(load(dy, row + j, rest), load(sum, at + j, rest)), sum, at + j, rest);
    }
  }

  public static void l2Normalize(MemorySegment x, MemorySegment y, MemorySegment norms, int cols, double eps, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = i * 4L * cols;
      double norm = Math.max(Math.sqrt(Elementwise.rowDot(x, row, x, row, cols * 4L)), eps);
      norms.setAtIndex(JAVA_FLOAT, i, (float) norm);
      Elementwise.scale(x, (float) (1 / norm), y, (long) i * cols, (long) (i + 1) * cols);
    }
  }

  public static void l2NormalizeGrad(MemorySegment dy, MemorySegment y, MemorySegment norms, MemorySegment dx, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      float dot = Elementwise.rowDot(dy, i * bytes, y, i * bytes, bytes);
      l2NormalizeGradRow(dy, y, -dot, 1 / norms.getAtIndex(JAVA_FLOAT, i), dx, i * bytes, i * bytes + bytes);
    }
  }

  private static void l2NormalizeGradRow(MemorySegment dy, MemorySegment y, float slope, float inverse, MemorySegment dx, long at, long end) {
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      store(load(y, at).fma(all(slope), load(dy, at)).mul(inverse), dx, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      store(load(y, at, rest).fma(all(slope), load(dy, at, rest)).mul(inverse), dx, at, rest);
    }
  }
}
