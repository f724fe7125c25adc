package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.ScalarFunction;
import io.github.lora4j.vector.internal.Operands;
import java.lang.foreign.MemorySegment;

/** What losses are made of: functions of numbers, and logarithms of probabilities at given columns. */
public final class ReferencePrimitives {

  private final Elements type;

  public ReferencePrimitives(DType dtype) {
    this.type = new Elements(dtype);
  }

  /** See {@link io.github.lora4j.vector.Kernels#shift}. */
  public void shift(MemorySegment x, double beta, MemorySegment out, long from, long to) {
    for (long i = from; i < to; i++) {
      type.set(out, i, type.optional(x, i) + beta);
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#function}. */
  public void function(ScalarFunction f, MemorySegment x, MemorySegment out, long from, long to) {
    for (long i = from; i < to; i++) {
      double v = type.get(x, i);
      type.set(out, i, switch (f) {
        case EXP -> Math.exp(v);
        case LOG_SIGMOID -> Math.min(v, 0) - Math.log1p(Math.exp(-Math.abs(v)));
        // Mächler 2012: either form cancels on the other side of −log 2.
        case LOG_ONE_MINUS_EXP -> v > -Math.log(2) ? Math.log(-Math.expm1(v)) : Math.log1p(-Math.exp(v));
      });
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#functionGrad}. */
  public void functionGrad(ScalarFunction f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to) {
    for (long i = from; i < to; i++) {
      double v = type.get(x, i);
      type.set(dx, i, type.get(dy, i) * switch (f) {
        case EXP -> Math.exp(v);
        case LOG_SIGMOID -> 1 / (1 + Math.exp(v));
        case LOG_ONE_MINUS_EXP -> -1 / Math.expm1(-v);
      });
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#logSoftmaxAt}. */
  public void logSoftmaxAt(MemorySegment logits, MemorySegment columns, int picks, MemorySegment out, MemorySegment stats, int cols, int from,
      int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < cols; j++) {
        max = Math.max(max, type.get(logits, row + j));
      }
      double sum = 0;
      for (int j = 0; j < cols; j++) {
        sum += Math.exp(type.get(logits, row + j) - max);
      }
      type.set(stats, 2L * i, max);
      type.set(stats, 2L * i + 1, sum);
      for (long pick = (long) i * picks; pick < (i + 1L) * picks; pick++) {
        int column = Operands.column(columns, pick, cols);
        type.set(out, pick, column < 0 ? 0 : type.get(logits, row + column) - max - Math.log(sum));
      }
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#logSoftmaxAtGrad}. */
  public void logSoftmaxAtGrad(MemorySegment logits, MemorySegment columns, int picks, MemorySegment stats, MemorySegment dOut, MemorySegment dLogits,
      int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double all = 0;
      for (long pick = (long) i * picks; pick < (i + 1L) * picks; pick++) {
        all += Operands.column(columns, pick, cols) < 0 ? 0 : type.get(dOut, pick);
      }
      double max = type.get(stats, 2L * i);
      double sum = type.get(stats, 2L * i + 1);
      for (int j = 0; j < cols; j++) {
        double d = -all * Math.exp(type.get(logits, row + j) - max) / sum;
        for (long pick = (long) i * picks; pick < (i + 1L) * picks; pick++) {
          d += Operands.id(columns, pick) == j ? type.get(dOut, pick) : 0;
        }
        type.set(dLogits, row + j, d);
      }
    }
  }
}
