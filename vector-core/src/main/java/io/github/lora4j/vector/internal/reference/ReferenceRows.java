package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Philox;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.internal.Operands;
import java.lang.foreign.MemorySegment;

/** Operations on rows: lookup, normalisation, means over ranges, dropout. Contracts are those of {@code Kernels}. */
public final class ReferenceRows {
  private final Elements type;

  public ReferenceRows(DType dtype) {
    this.type = new Elements(dtype);
  }

  public void gather(Kernels.Table table, MemorySegment ids, MemorySegment addend, MemorySegment out, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long id = Operands.id(ids, i);
      boolean stored = table.format() instanceof Elements;
      if (id != -1 && !stored) {
        table.format().decode(table.rows(), id * WeightFormats.rowBytes(table.format(), cols), table.scratch(), 0, cols);
      }
      Elements entries = stored ? (Elements) table.format() : new Elements(DType.F32);
      for (int j = 0; j < cols; j++) {
        long at = (long) i * cols + j;
        double entry = id == -1 ? 0 : stored ? entries.get(table.rows(), id * cols + j) : entries.get(table.scratch(), j);
        type.set(out, at, entry + type.optional(addend, at));
      }
    }
  }

  /** One row of a table. */
  void row(Kernels.Table table, int id, MemorySegment out, int cols) {
    if (!(table.format() instanceof Elements)) {
      table.format().decode(table.rows(), id * WeightFormats.rowBytes(table.format(), cols), table.scratch(), 0, cols);
    }
    for (int j = 0; j < cols; j++) {
      type.set(out, j, table.format() instanceof Elements entries ? entries.get(table.rows(), (long) id * cols + j)
          : new Elements(DType.F32).get(table.scratch(), j));
    }
  }

  public void scatterAdd(MemorySegment dy, Kernels.ScatterIndex index, boolean mean, MemorySegment table, int cols, int from, int to) {
    for (int u = from; u < to; u++) {
      int first = Operands.id(index.starts(), u);
      int end = Operands.id(index.starts(), u + 1);
      for (int c = 0; c < cols; c++) {
        double sum = 0;
        for (int j = first; j < end; j++) {
          sum += type.get(dy, (long) Operands.id(index.order(), j) * cols + c);
        }
        long at = (long) Operands.id(index.unique(), u) * cols + c;
        type.set(table, at, type.get(table, at) + (mean && end > first ? sum / (end - first) : sum));
      }
    }
  }

  public void layerNorm(MemorySegment x, MemorySegment gamma, MemorySegment beta, MemorySegment y, MemorySegment stats, int cols, double eps,
      int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double mean = sum(x, row, cols) / cols;
      double squares = 0;
      for (int j = 0; j < cols; j++) {
        double centred = type.get(x, row + j) - mean;
        squares += centred * centred;
      }
      double rstd = 1 / Math.sqrt(squares / cols + eps);
      type.set(stats, 2L * i, mean);
      type.set(stats, 2L * i + 1, rstd);
      for (int j = 0; j < cols; j++) {
        type.set(y, row + j, (type.get(x, row + j) - mean) * rstd * type.get(gamma, j) + type.optional(beta, j));
      }
    }
  }

  public void layerNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend,
      MemorySegment dx, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double mean = type.get(stats, 2L * i);
      double rstd = type.get(stats, 2L * i + 1);
      double g = 0;
      double gx = 0;
      for (int j = 0; j < cols; j++) {
        double term = type.get(dy, row + j) * type.get(gamma, j);
        g += term / cols;
        gx += term * (type.get(x, row + j) - mean) * rstd / cols;
      }
      for (int j = 0; j < cols; j++) {
        double hat = (type.get(x, row + j) - mean) * rstd;
        double value = rstd * (type.get(dy, row + j) * type.get(gamma, j) - g - hat * gx);
        type.set(dx, row + j, value + type.optional(addend, row + j));
      }
    }
  }

  public void layerNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, MemorySegment betaSum,
      int slot, int cols, int from, int to) {
    for (int j = 0; j < cols; j++) {
      double gamma = 0;
      for (int i = from; i < to; i++) {
        long at = (long) i * cols + j;
        gamma += type.get(dy, at) * (type.get(x, at) - type.get(stats, 2L * i)) * type.get(stats, 2L * i + 1);
      }
      type.set(gammaSum, (long) slot * cols + j, gamma);
    }
    columnSums(dy, betaSum, slot, cols, from, to);
  }

  public void columnSums(MemorySegment x, MemorySegment sums, int slot, int cols, int from, int to) {
    for (int j = 0; j < cols; j++) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += type.get(x, (long) i * cols + j);
      }
      type.set(sums, (long) slot * cols + j, sum);
    }
  }

  public void scaleColumns(MemorySegment x, MemorySegment scale, MemorySegment center, MemorySegment out, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int j = 0; j < cols; j++) {
        long at = (long) i * cols + j;
        double c = centre(center, j);
        type.set(out, at, c + (type.get(x, at) - c) * type.get(scale, j));
      }
    }
  }

  public void columnDots(MemorySegment dy, MemorySegment x, MemorySegment center, MemorySegment sums, int slot, int cols, int from, int to) {
    for (int j = 0; j < cols; j++) {
      double sum = 0;
      for (int i = from; i < to; i++) {
        long at = (long) i * cols + j;
        sum += type.get(dy, at) * (type.get(x, at) - centre(center, j));
      }
      type.set(sums, (long) slot * cols + j, sum);
    }
  }

  private double centre(MemorySegment center, int j) {
    return center.address() == 0 ? 0 : type.get(center, j);
  }

  public void rangeSum(MemorySegment x, MemorySegment ranges, boolean mean, MemorySegment out, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long start = Operands.id(ranges, 2L * i);
      int length = Operands.id(ranges, 2L * i + 1);
      for (int j = 0; j < cols; j++) {
        double sum = 0;
        for (long row = start; row < start + length; row++) {
          sum += type.get(x, row * cols + j);
        }
        type.set(out, (long) i * cols + j, length == 0 ? 0 : mean ? sum / length : sum);
      }
    }
  }

  public void rangeSumGrad(MemorySegment dy, MemorySegment ranges, boolean mean, MemorySegment addend, MemorySegment dx, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long start = Operands.id(ranges, 2L * i);
      int length = Operands.id(ranges, 2L * i + 1);
      for (long row = start; row < start + length; row++) {
        for (int j = 0; j < cols; j++) {
          long at = row * cols + j;
          type.set(dx, at, type.get(dy, (long) i * cols + j) / (mean ? length : 1) + type.optional(addend, at));
        }
      }
    }
  }

  public void l2Normalize(MemorySegment x, MemorySegment y, MemorySegment norms, int cols, double eps, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double norm = Math.max(Math.sqrt(dot(x, x, row, cols)), eps);
      type.set(norms, i, norm);
      for (int j = 0; j < cols; j++) {
        type.set(y, row + j, type.get(x, row + j) / norm);
      }
    }
  }

  public void l2NormalizeGrad(MemorySegment dy, MemorySegment y, MemorySegment norms, MemorySegment dx, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long row = (long) i * cols;
      double dot = dot(dy, y, row, cols);
      for (int j = 0; j < cols; j++) {
        type.set(dx, row + j, (type.get(dy, row + j) - type.get(y, row + j) * dot) / type.get(norms, i));
      }
    }
  }

  public void dropout(MemorySegment x, MemorySegment rowKeys, MemorySegment random, int site, double p, MemorySegment out, int cols,
      int from, int to) {
    int threshold = Philox.threshold(p);
    int[] bits = new int[4];
    for (int i = from; i < to; i++) {
      for (int j = 0; j < cols; j++) {
        if (j % 4 == 0) {
          Philox.generate(Operands.id(rowKeys, 2L * i), Operands.id(rowKeys, 2L * i + 1), j / 4, Operands.id(random, 2),
              Operands.id(random, 0) ^ site, Operands.id(random, 1), bits);
        }
        long at = (long) i * cols + j;
        boolean keep = Integer.compareUnsigned(bits[j % 4], threshold) >= 0;
        type.set(out, at, keep ? type.get(x, at) / (1 - p) : 0);
      }
    }
  }

  private double sum(MemorySegment x, long at, int cols) {
    double sum = 0;
    for (int j = 0; j < cols; j++) {
      sum += type.get(x, at + j);
    }
    return sum;
  }

  private double dot(MemorySegment x, MemorySegment y, long at, int cols) {
    double sum = 0;
    for (int j = 0; j < cols; j++) {
      sum += type.get(x, at + j) * type.get(y, at + j);
    }
    return sum;
  }
}
