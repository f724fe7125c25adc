package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.Elements;
import java.lang.foreign.MemorySegment;

/** What adapters compute of their own small matrices, by its definition. Contracts are those of {@code Kernels}. */
public record ReferenceAdapters(Elements type) {

  public double gramPenalty(MemorySegment gram, double scale, MemorySegment factor, int r) {
    double square = 0;
    for (int i = 0; i < r * r; i++) {
      double excess = excess(gram, i, r);
      square += excess * excess;
    }
    double norm = Math.sqrt(square);
    for (int i = 0; i < r * r; i++) {
      // The norm's derivative by G, times G's by P, which counts twice since G is symmetric.
      type.set(factor, i, norm == 0 ? 0 : 2 * (scale / norm) * excess(gram, i, r));
    }
    return norm;
  }

  private double excess(MemorySegment gram, int i, int r) {
    return type.get(gram, i) - (i % (r + 1) == 0 ? 1 : 0);
  }

  public void mask(MemorySegment theta, MemorySegment mask, long from, long to) {
    for (long i = from; i < to; i++) {
      if (type.get(mask, i) == 0) {
        type.set(theta, i, 0);
      }
    }
  }

  public void doraNorm(MemorySegment norms, MemorySegment m, MemorySegment b, MemorySegment t, double s, MemorySegment inverse, int r, int outputs,
      int from, int to) {
    for (int out = from; out < to; out++) {
      double norm = type.get(norms, out);
      double square = norm * norm;
      for (int i = 0; i < r; i++) {
        long at = (long) out * r + i;
        square += s * type.get(b, at) * (2 * type.get(m, (long) i * outputs + out) + s * type.get(t, at));
      }
      type.set(inverse, out, 1 / Math.sqrt(square));
    }
  }

  public void columnScores(MemorySegment x, MemorySegment y, MemorySegment scores, boolean add, int rows, int cols) {
    for (int j = 0; j < cols; j++) {
      double sum = 0;
      for (int i = 0; i < rows; i++) {
        sum += type.get(x, (long) i * cols + j) * type.get(y, (long) i * cols + j);
      }
      type.set(scores, j, sum / rows + (add ? type.get(scores, j) : 0));
    }
  }
}
