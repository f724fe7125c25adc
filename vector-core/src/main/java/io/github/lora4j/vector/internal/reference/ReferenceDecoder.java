package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.internal.Operands;
import java.lang.foreign.MemorySegment;

/** The norm and the position embedding of decoders, by their definitions; see {@link Kernels}. */
public record ReferenceDecoder(Elements type) {

  public void rmsNorm(MemorySegment x, MemorySegment gamma, MemorySegment y, MemorySegment stats, int cols, double eps, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double squares = 0;
      for (int j = 0; j < cols; j++) {
        squares += type.get(x, row + j) * type.get(x, row + j);
      }
      double rstd = 1 / Math.sqrt(squares / cols + eps);
      type.set(stats, i, rstd);
      for (int j = 0; j < cols; j++) {
        type.set(y, row + j, type.get(x, row + j) * rstd * type.get(gamma, j));
      }
    }
  }

  public void rmsNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend, MemorySegment dx,
      int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double rstd = type.get(stats, i);
      double gx = 0;
      for (int j = 0; j < cols; j++) {
        gx += type.get(dy, row + j) * type.get(gamma, j) * type.get(x, row + j) / cols;
      }
      for (int j = 0; j < cols; j++) {
        double value = rstd * (type.get(dy, row + j) * type.get(gamma, j) - type.get(x, row + j) * rstd * rstd * gx);
        type.set(dx, row + j, value + type.optional(addend, row + j));
      }
    }
  }

  public void rmsNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, int slot, int cols, int from,
      int to) {
    for (int j = 0; j < cols; j++) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += type.get(dy, (long) i * cols + j) * type.get(x, (long) i * cols + j) * type.get(stats, i);
      }
      type.set(gammaSum, (long) slot * cols + j, sum);
    }
  }

  public void rope(MemorySegment x, MemorySegment positions, MemorySegment table, MemorySegment y, Kernels.Turn turn, boolean inverse, int from,
      int to) {
    int half = turn.columns() / 2;
    int step = turn.neighbours() ? 2 : 1;
    int apart = turn.neighbours() ? 1 : half;
    for (int i = from; i < to; i++) {
      long angles = (long) Operands.id(positions, i) * turn.columns();
      for (int head = 0; head < turn.heads(); head++) {
        long at = ((long) i * turn.heads() + head) * turn.headDim();
        for (int j = 0; j < half; j++) {
          double c = type.get(table, angles + j);
          double s = type.get(table, angles + half + j) * (inverse ? -1 : 1);
          double first = type.get(x, at + step * j);
          double second = type.get(x, at + step * j + apart);
          type.set(y, at + step * j, first * c - second * s);
          type.set(y, at + step * j + apart, second * c + first * s);
        }
        for (int j = turn.columns(); j < turn.headDim(); j++) {
          type.set(y, at + j, type.get(x, at + j));
        }
      }
    }
  }
}
