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

  /** See {@link io.github.lora4j.vector.Kernels#attention}. */
  public void forward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment out,
      MemorySegment lse, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head) {
    bias.check(positionOffset, qLength, kLength);
    Heads at = new Heads(spec, head, qStart, kStart);
    for (int i = 0; i < qLength; i++) {
      int first = spec.first(i + positionOffset, kLength);
      double[] p = new double[Math.max(0, spec.end(i + positionOffset, kLength) - first)];
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < p.length; j++) {
        int distance = first + j - (i + positionOffset);
        p[j] = capped(spec, spec.scale() * product(q, at.query(i), k, at.key(first + j), bias, at.vector(bias, distance)))
            + bias(spec, bias, distance, head);
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
          value += p[j] * type.get(v, at.key(first + j) + d);
        }
        type.set(out, at.query(i) + d, p.length == 0 ? 0 : value / sum);
      }
      type.set(lse, at.lse(i), p.length == 0 ? Double.NEGATIVE_INFINITY : max + Math.log(sum));
    }
  }

  /** q·k + q·a + k·b. */
  private double product(MemorySegment q, long query, MemorySegment k, long key, AttentionSpec.Bias bias, Vector by) {
    double product = dot(q, query, k, key, by.length);
    if (!Operands.absent(bias.keys())) {
      product += dot(q, query, bias.keys(), by.at, by.length);
    }
    return Operands.absent(bias.queries()) ? product : product + dot(k, key, bias.queries(), by.at, by.length);
  }

  private static double capped(AttentionSpec spec, double score) {
    return spec.softCap() == 0 ? score : spec.softCap() * Math.tanh(score / spec.softCap());
  }

  private double bias(AttentionSpec spec, AttentionSpec.Bias bias, int distance, int head) {
    return bias.present() ? type.get(bias.table(), (long) bias.row(distance) * spec.heads() + head) : 0;
  }

  /**
   * What the scores of a query row have become.
   *
   * @param first the first key of all arrays
   * @param p probabilities
   * @param ds gradients of scores with cap and bias
   * @param slope what the cap's derivative is
   */
  private record Scores(int first, double[] p, double[] ds, double[] slope) {}

  private Scores scores(AttentionSpec spec, MemorySegment[] in, AttentionSpec.Bias bias, Heads at, int i, int position, int keys) {
    int first = spec.first(position, keys);
    double[] p = new double[Math.max(0, spec.end(position, keys) - first)];
    double[] dp = new double[p.length];
    double[] slope = new double[p.length];
    double total = 0;
    double sum = 0;
    for (int j = 0; j < p.length; j++) {
      double score = capped(spec, spec.scale() * product(in[0], at.query(i), in[1], at.key(first + j), bias, at.vector(bias, first + j - position)));
      slope[j] = spec.softCap() == 0 ? 1 : 1 - score / spec.softCap() * (score / spec.softCap());
      p[j] = Math.exp(score + bias(spec, bias, first + j - position, at.head) - type.get(in[3], at.lse(i)));
      dp[j] = dot(in[4], at.query(i), in[2], at.key(first + j), spec.headDim());
      total += p[j];
      sum += p[j] * dp[j];
    }
    // A stored lse is rounded, so the p sum to nearly 1 and not to 1.
    double delta = p.length == 0 ? 0 : sum / total;
    for (int j = 0; j < p.length; j++) {
      dp[j] = p[j] * (dp[j] - delta);
    }
    return new Scores(first, p, dp, slope);
  }

  /** See {@link io.github.lora4j.vector.Kernels#attentionGrad}. */
  public void backward(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart, int kLength,
      int positionOffset, int kvHead) {
    int dim = spec.headDim();
    int group = spec.heads() / spec.kvHeads();
    double[] dKeys = new double[kLength * dim];
    double[] dValues = new double[kLength * dim];
    MemorySegment[] in = {q, k, v, lse, dout};
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      Heads at = new Heads(spec, head, qStart, kStart);
      for (int i = 0; i < qLength; i++) {
        double[] dQuery = new double[dim];
        Scores of = scores(spec, in, bias, at, i, i + positionOffset, kLength);
        for (int j = 0; j < of.p.length; j++) {
          double ds = of.ds[j] * of.slope[j] * spec.scale();
          int key = of.first + j;
          Vector by = at.vector(bias, key - (i + positionOffset));
          for (int d = 0; d < dim; d++) {
            dQuery[d] += ds * (type.get(k, at.key(key) + d) + element(bias.keys(), by.at + d));
            dKeys[key * dim + d] += ds * (type.get(q, at.query(i) + d) + element(bias.queries(), by.at + d));
            dValues[key * dim + d] += of.p[j] * type.get(dout, at.query(i) + d);
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

  /** See {@link io.github.lora4j.vector.Kernels#attentionBiasGrad}. */
  public void bias(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, AttentionSpec.Bias dBias, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head) {
    Heads at = new Heads(spec, head, qStart, kStart);
    MemorySegment[] in = {q, k, v, lse, dout};
    for (int i = 0; i < qLength; i++) {
      Scores of = scores(spec, in, bias, at, i, i + positionOffset, kLength);
      for (int j = 0; j < of.p.length; j++) {
        int distance = of.first + j - (i + positionOffset);
        Vector by = at.vector(bias, distance);
        add(dBias.table(), (long) bias.row(distance) * spec.heads() + head, of.ds[j]);
        for (int d = 0; d < by.length; d++) {
          double factor = of.ds[j] * of.slope[j] * spec.scale();
          add(dBias.keys(), by.at + d, factor * type.get(q, at.query(i) + d));
          add(dBias.queries(), by.at + d, factor * type.get(k, at.key(of.first + j) + d));
        }
      }
    }
  }

  private double element(MemorySegment of, long at) {
    return Operands.absent(of) ? 0 : type.get(of, at);
  }

  private void add(MemorySegment to, long at, double value) {
    if (!Operands.absent(to)) {
      type.set(to, at, type.get(to, at) + value);
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

  /** Where a head's vector of a distance starts, if there are any, and its length. */
  private record Vector(long at, int length) {}

  /** Where a head's rows start, in elements. */
  private record Heads(AttentionSpec spec, int head, int qStart, int kStart) {
    long query(int i) {
      return ((long) (qStart + i) * spec.heads() + head) * spec.headDim();
    }

    long key(int j) {
      return ((long) (kStart + j) * spec.kvHeads() + (long) head * spec.kvHeads() / spec.heads()) * spec.headDim();
    }

    Vector vector(AttentionSpec.Bias bias, int distance) {
      return new Vector(bias.vectors() ? ((long) bias.row(distance) * spec.heads() + head) * spec.headDim() : 0, spec.headDim());
    }

    long lse(int i) {
      return (long) (qStart + i) * spec.heads() + head;
    }
  }
}
