package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * The norm and the position embedding of decoders. Contracts are those of {@code Kernels}.
 *
 * <p>What fills no vector is done one by one where it needs many loads, with the same roundings: so many masked ones behind a loop make the compiler
 * keep vectors as objects.
 */
public final class Decoder {

  private Decoder() {}

  public static void rmsNorm(MemorySegment x, MemorySegment gamma, MemorySegment y, MemorySegment stats, int cols, double eps, int from, int to) {
    long bytes = cols * 4L;
    for (long row = from * bytes, i = from; i < to; i++, row += bytes) {
      double mean = (double) Elementwise.rowSquares(x, 0, row, row + bytes) / cols;
      float rstd = (float) (1 / Math.sqrt(mean + eps));
      stats.setAtIndex(JAVA_FLOAT, i, rstd);
      scale(x, gamma, y, rstd, row, bytes);
    }
  }

  private static void scale(MemorySegment x, MemorySegment gamma, MemorySegment y, float rstd, long row, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).mul(rstd).mul(load(gamma, j)), y, row + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).mul(rstd).mul(load(gamma, j, rest)), y, row + j, rest);
    }
  }

  public static void rmsNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend,
      MemorySegment dx, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (long row = from * bytes, i = from; i < to; i++, row += bytes) {
      float rstd = stats.getAtIndex(JAVA_FLOAT, i);
      float shrink = -rstd * rstd * rstd * dot(dy, x, gamma, row, bytes) / cols;
      if (Operands.absent(addend)) {
        gradient(dy, x, gamma, dx, rstd, shrink, row, bytes);
      } else {
        gradient(dy, x, gamma, addend, dx, rstd, shrink, row, bytes);
      }
    }
  }

  private static float dot(MemorySegment dy, MemorySegment x, MemorySegment gamma, long row, long bytes) {
    var sum = all(0f);
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      sum = load(dy, row + j).mul(load(gamma, j)).fma(load(x, row + j), sum);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      sum = load(dy, row + j, rest).mul(load(gamma, j, rest)).fma(load(x, row + j, rest), sum);
    }
    return Simd.sum(sum);
  }

  private static void gradient(MemorySegment dy, MemorySegment x, MemorySegment gamma, MemorySegment dx, float rstd, float shrink, long row,
      long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(dy, row + j).mul(load(gamma, j)).mul(rstd).add(load(x, row + j).mul(shrink)), dx, row + j);
    }
    for (; j < bytes; j += 4) {
      dx.set(JAVA_FLOAT, row + j, dy.get(JAVA_FLOAT, row + j) * gamma.get(JAVA_FLOAT, j) * rstd + x.get(JAVA_FLOAT, row + j) * shrink);
    }
  }

  private static void gradient(MemorySegment dy, MemorySegment x, MemorySegment gamma, MemorySegment addend, MemorySegment dx, float rstd,
      float shrink, long row, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(dy, row + j).mul(load(gamma, j)).mul(rstd).add(load(x, row + j).mul(shrink)).add(load(addend, row + j)), dx, row + j);
    }
    for (; j < bytes; j += 4) {
      dx.set(JAVA_FLOAT, row + j, dy.get(JAVA_FLOAT, row + j) * gamma.get(JAVA_FLOAT, j) * rstd + x.get(JAVA_FLOAT, row + j) * shrink
          + addend.get(JAVA_FLOAT, row + j));
    }
  }

  public static void rmsNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, int slot, int cols, int from,
      int to) {
    long bytes = cols * 4L;
    Simd.zero(gammaSum, slot * bytes, bytes);
    for (int i = from; i < to; i++) {
      addNormalized(dy, x, stats.getAtIndex(JAVA_FLOAT, i), i * bytes, gammaSum, slot * bytes, bytes);
    }
  }

  private static void addNormalized(MemorySegment dy, MemorySegment x, float rstd, long row, MemorySegment sum, long at, long bytes) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      store(load(x, row + j).mul(rstd).fma(load(dy, row + j), load(sum, at + j)), sum, at + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      store(load(x, row + j, rest).mul(rstd).fma(load(dy, row + j, rest), load(sum, at + j, rest)), sum, at + j, rest);
    }
  }

  public static void rope(MemorySegment x, MemorySegment positions, MemorySegment table, MemorySegment y, Kernels.Turn turn, boolean inverse,
      int from, int to) {
    long bytes = turn.headDim() * 4L;
    long turned = turn.columns() * 4L;
    float sign = inverse ? -1 : 1;
    for (int i = from; i < to; i++) {
      long angles = positions.getAtIndex(JAVA_INT, i) * turned;
      for (int head = 0; head < turn.heads(); head++) {
        long at = ((long) i * turn.heads() + head) * bytes;
        if (turn.neighbours()) {
          turnNeighbours(x, table, angles, y, at, turned / 2, sign);
        } else {
          turn(x, table, angles, y, at, turned / 2, sign);
        }
        if (turned < bytes) {
          MemorySegment.copy(x, at + turned, y, at + turned, bytes - turned);
        }
      }
    }
  }

  /** Pairs of neighbours, one after the other: a vector of them would have to be taken apart first. */
  private static void turnNeighbours(MemorySegment x, MemorySegment table, long angles, MemorySegment y, long at, long half, float sign) {
    for (long j = 0; j < half; j += 4) {
      float c = table.get(JAVA_FLOAT, angles + j);
      float s = table.get(JAVA_FLOAT, angles + half + j) * sign;
      float first = x.get(JAVA_FLOAT, at + 2 * j);
      float second = x.get(JAVA_FLOAT, at + 2 * j + 4);
      y.set(JAVA_FLOAT, at + 2 * j, first * c - second * s);
      y.set(JAVA_FLOAT, at + 2 * j + 4, second * c + first * s);
    }
  }

  private static void turn(MemorySegment x, MemorySegment table, long angles, MemorySegment y, long at, long half, float sign) {
    long j = 0;
    for (long bound = whole(0, half); j < bound; j += BYTES) {
      var c = load(table, angles + j);
      var s = load(table, angles + half + j).mul(sign);
      var first = load(x, at + j);
      var second = load(x, at + half + j);
      store(first.mul(c).sub(second.mul(s)), y, at + j);
      store(second.mul(c).add(first.mul(s)), y, at + half + j);
    }
    for (; j < half; j += 4) {
      float c = table.get(JAVA_FLOAT, angles + j);
      float s = table.get(JAVA_FLOAT, angles + half + j) * sign;
      float first = x.get(JAVA_FLOAT, at + j);
      float second = x.get(JAVA_FLOAT, at + half + j);
      y.set(JAVA_FLOAT, at + j, first * c - second * s);
      y.set(JAVA_FLOAT, at + half + j, second * c + first * s);
    }
  }
}
