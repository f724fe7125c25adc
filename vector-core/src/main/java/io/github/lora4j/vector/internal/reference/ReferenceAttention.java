package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.internal.Operands;
import java.lang.foreign.MemorySegment;

/** Attention of one head and segment by the definition, a query row at a time. */
public final class ReferenceAttention {
  private final Elements type;

  public ReferenceAttention(DType dtype) {
    this.type = new Elements(dtype);
  }

  /** Keys that query {@code i} of a segment sees: the first so many. */
  private static int visible(AttentionSpec spec, int i, int positionOffset, int kLength) {
    return spec.causal() ? Math.clamp((long) i + positionOffset + 1, 0, kLength) : kLength;
  }

  /** See {@link io.github.lora4j.vector.Kernels#attention}. */
  public void forward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, MemorySegment out, MemorySegment lse,
      int qStart, int qLength, int kStart, int kLength, int positionOffset, int head) {
    Heads at = new Heads(spec, head, qStart, kStart);
    for (int i = 0; i < qLength; i++) {
      double[] p = new double[visible(spec, i, positionOffset, kLength)];
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < p.length; j++) {
        p[j] = spec.scale() * dot(q, at.query(i), k, at.key(j), spec.headDim());
        max = Math.max(max, p[j]);
      }
      double sum = 0;
      for (int j = 0; j < p.length; j++) {
        p[j] = Math.exp(p[j] - max);
        sum += p[j];
      }
      for (int d = 0; d < spec.headDim(); d++) {
        double value = 0;
        for (int j = 0; j < p.length; j++) {
          value += p[j] * type.get(v, at.key(j) + d);
        }
        type.set(out, at.query(i) + d, p.length == 0 ? 0 : value / sum);
      }
      type.set(lse, at.lse(i), p.length == 0 ? Double.NEGATIVE_INFINITY : max + Math.log(sum));
    }
  }

  /** See {@link io.github.lora4j.vector.Kernels#attentionGrad}. */
  public void backward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, MemorySegment lse, MemorySegment dout,
      MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart, int kLength, int positionOffset,
      int kvHead) {
    int dim = spec.headDim();
    int group = spec.heads() / spec.kvHeads();
    double[] dKeys = new double[kLength * dim];
    double[] dValues = new double[kLength * dim];
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      Heads at = new Heads(spec, head, qStart, kStart);
      for (int i = 0; i < qLength; i++) {
        double[] dQuery = new double[dim];
        double[] p = new double[visible(spec, i, positionOffset, kLength)];
        double[] dp = new double[p.length];
        double total = 0;
        double sum = 0;
        for (int j = 0; j < p.length; j++) {
          p[j] = Math.exp(spec.scale() * dot(q, at.query(i), k, at.key(j), dim) - type.get(lse, at.lse(i)));
          dp[j] = dot(dout, at.query(i), v, at.key(j), dim);
          total += p[j];
          sum += p[j] * dp[j];
        }
        // A stored lse is rounded, so the p sum to nearly 1 and not to 1.
        double delta = p.length == 0 ? 0 : sum / total;
        for (int j = 0; j < p.length; j++) {
          double ds = p[j] * (dp[j] - delta) * spec.scale();
          for (int d = 0; d < dim; d++) {
            dQuery[d] += ds * type.get(k, at.key(j) + d);
            dKeys[j * dim + d] += ds * type.get(q, at.query(i) + d);
            dValues[j * dim + d] += p[j] * type.get(dout, at.query(i) + d);
          }
        }
        write(dq, at.query(i), dQuery, 0, dim);
      }
    }
    Heads at = new Heads(spec, kvHead * group, qStart, kStart);
    for (int j = 0; j < kLength; j++) {
      write(dk, at.key(j), dKeys, j * dim, dim);
      write(dv, at.key(j), dValues, j * dim, dim);
    }
  }

  private double dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int length) {
    double sum = 0;
    for (int d = 0; d < length; d++) {
      sum += type.get(a, aAt + d) * type.get(b, bAt + d);
    }
    return sum;
  }

  private void write(MemorySegment to, long at, double[] from, int offset, int length) {
    if (!Operands.absent(to)) {
      for (int d = 0; d < length; d++) {
        type.set(to, at + d, from[offset + d]);
      }
    }
  }

  /** Where a head's rows start, in elements. */
  private record Heads(AttentionSpec spec, int head, int qStart, int kStart) {
    long query(int i) {
      return ((long) (qStart + i) * spec.heads() + head) * spec.headDim();
    }

    long key(int j) {
      return ((long) (kStart + j) * spec.kvHeads() + (long) head * spec.kvHeads() / spec.heads()) * spec.headDim();
    }

    long lse(int i) {
      return (long) (qStart + i) * spec.heads() + head;
    }
  }
}
