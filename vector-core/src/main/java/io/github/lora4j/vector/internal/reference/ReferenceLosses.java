package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.internal.Operands;
import java.lang.foreign.MemorySegment;

/** Losses of rows of predictions, and their gradients. */
public final class ReferenceLosses {
  private final Elements type;

  public ReferenceLosses(DType dtype) {
    this.type = new Elements(dtype);
  }

  /** See {@link io.github.lora4j.vector.Kernels#loss}. */
  public void loss(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment rowLoss, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double value = 0;
      if (loss == Loss.CROSS_ENTROPY) {
        int label = Operands.label(labels, i, cols);
        value = label == Operands.IGNORED ? 0 : logSumExp(predictions, row, cols) - type.get(predictions, row + label);
      } else {
        for (int j = 0; j < cols; j++) {
          double z = type.get(predictions, row + j);
          double t = type.get(labels, row + j);
          value += loss == Loss.MSE ? (z - t) * (z - t) : Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)));
        }
      }
      type.set(rowLoss, i, value);
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#lossGrad}. */
  public void gradient(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment dPredictions, int cols, int from,
      int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      int label = loss == Loss.CROSS_ENTROPY ? Operands.label(labels, i, cols) : 0;
      double lse = loss == Loss.CROSS_ENTROPY ? logSumExp(predictions, row, cols) : 0;
      for (int j = 0; j < cols; j++) {
        double z = type.get(predictions, row + j);
        type.set(dPredictions, row + j, switch (loss) {
          case CROSS_ENTROPY -> label == Operands.IGNORED ? 0 : Math.exp(z - lse) - (j == label ? 1 : 0);
          case BCE_WITH_LOGITS -> Functions.sigmoid(z) - type.get(labels, row + j);
          case MSE -> 2 * (z - type.get(labels, row + j));
        });
      }
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#targets}. */
  public static long targets(Loss loss, MemorySegment labels, int cols, int from, int to) {
    if (loss != Loss.CROSS_ENTROPY) {
      return (long) (to - from) * cols;
    }
    long count = 0;
    for (int i = from; i < to; i++) {
      count += Operands.label(labels, i, cols) == Operands.IGNORED ? 0 : 1;
    }
    return count;
  }

  /** See {@link io.github.lora4j.vector.Kernels#inBatchNegatives}. */
  public void inBatchNegatives(MemorySegment a, MemorySegment b, MemorySegment probs, int ld, MemorySegment rowLoss, double scale,
      int rows, int cols, int from, int to) {
    double[] scores = new double[rows];
    for (int i = from; i < to; i++) {
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < rows; j++) {
        double dot = 0;
        for (int c = 0; c < cols; c++) {
          dot += type.get(a, (long) i * cols + c) * type.get(b, (long) j * cols + c);
        }
        scores[j] = scale * dot;
        max = Math.max(max, scores[j]);
      }
      double sum = 0;
      for (double score : scores) {
        sum += Math.exp(score - max);
      }
      double lse = max + Math.log(sum);
      for (int j = 0; j < rows; j++) {
        type.set(probs, (long) i * ld + j, Math.exp(scores[j] - lse) - (i == j ? 1 : 0));
      }
      type.set(rowLoss, i, lse - scores[i]);
    }
  }

  private double logSumExp(MemorySegment x, long at, int cols) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < cols; j++) {
      max = Math.max(max, type.get(x, at + j));
    }
    double sum = 0;
    for (int j = 0; j < cols; j++) {
      sum += Math.exp(type.get(x, at + j) - max);
    }
    return max + Math.log(sum);
  }
}
