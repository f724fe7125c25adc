package io.github.lora4j.vector;

import io.github.lora4j.vector.internal.Operands;
import io.github.lora4j.vector.internal.reference.Functions;
import io.github.lora4j.vector.internal.reference.ReferenceAdapters;
import io.github.lora4j.vector.internal.reference.ReferenceAttention;
import io.github.lora4j.vector.internal.reference.ReferenceDecoder;
import io.github.lora4j.vector.internal.reference.ReferenceGemm;
import io.github.lora4j.vector.internal.reference.ReferenceLayouts;
import io.github.lora4j.vector.internal.reference.ReferenceLosses;
import io.github.lora4j.vector.internal.reference.ReferencePrimitives;
import io.github.lora4j.vector.internal.reference.ReferenceRows;
import io.github.lora4j.vector.internal.reference.ReferenceVocabulary;
import java.lang.foreign.MemorySegment;

/**
 * The oracle: every kernel by its definition, one element at a time, accumulated in double and rounded once to F32 or not at
 * all in F64. Slow on purpose; for tests, gradient checks and machines without the Vector API that ask for it by name.
 */
public final class ReferenceKernels implements Kernels {
  private final DType dtype;
  private final Elements type;
  private final ReferenceRows rows;
  private final ReferenceDecoder decoder;
  private final ReferenceAttention attention;
  private final ReferenceLosses losses;
  private final ReferencePrimitives primitives;
  private final ReferenceVocabulary labels;
  private final ReferenceLayouts layouts;
  private final ReferenceAdapters adapters;

  /**
   * Kernels on buffers of one type.
   *
   * @param dtype F32 or F64
   * @throws ConfigException for any other type
   */
  public ReferenceKernels(DType dtype) {
    if (dtype != DType.F32 && dtype != DType.F64) {
      throw new ConfigException("reference kernels compute in F32 or F64, not in " + dtype);
    }
    this.dtype = dtype;
    this.type = new Elements(dtype);
    this.rows = new ReferenceRows(dtype);
    decoder = new ReferenceDecoder(type);
    this.attention = new ReferenceAttention(dtype);
    this.losses = new ReferenceLosses(dtype);
    primitives = new ReferencePrimitives(dtype);
    labels = new ReferenceVocabulary(dtype);
    layouts = new ReferenceLayouts(type);
    adapters = new ReferenceAdapters(type);
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public String describe() {
    return "reference: scalar, " + dtype + " with double accumulation";
  }

  @Override
  public long packedBytes(int rows, int cols, WeightFormat storage) {
    return rows * WeightFormats.rowBytes(storage, cols);
  }

  @Override
  public void pack(int rows, int cols, MemorySegment source, MemorySegment panels, WeightFormat storage) {
    WeightFormats.encode(storage, rows, cols, type, source, panels);
  }

  @Override
  public void packStored(int rows, int cols, MemorySegment blocks, MemorySegment panels, WeightFormat storage) {
    MemorySegment.copy(blocks, 0, panels, 0, packedBytes(rows, cols, storage));
  }

  @Override
  public long gemmScratchBytes(Gemm.Spec spec, int threads) {
    return spec.packed() && !(spec.storage() instanceof Elements) ? (long) spec.n() * spec.k() * Float.BYTES : 0;
  }

  @Override
  public Gemm gemm(Gemm.Spec spec, Gemm.Operands operands, Gemm.Then then) {
    Gemm product = new ReferenceGemm(dtype, spec, operands);
    return (workers, rows) -> {
      product.run(workers, rows);
      then.run(0, (long) rows * spec.n());
    };
  }

  @Override
  public void add(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
    for (long i = from; i < to; i++) {
      type.set(out, i, type.get(x, i) + type.get(y, i));
    }
  }

  @Override
  public void multiply(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
    for (long i = from; i < to; i++) {
      type.set(out, i, type.get(x, i) * type.get(y, i));
    }
  }

  @Override
  public void scale(MemorySegment x, double alpha, MemorySegment out, long from, long to) {
    for (long i = from; i < to; i++) {
      type.set(out, i, alpha * type.get(x, i));
    }
  }

  @Override
  public void activation(Activation f, MemorySegment x, MemorySegment out, long from, long to) {
    for (long i = from; i < to; i++) {
      type.set(out, i, Functions.apply(f, type.get(x, i)));
    }
  }

  @Override
  public void activationGrad(Activation f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to) {
    for (long i = from; i < to; i++) {
      type.set(dx, i, type.get(dy, i) * Functions.derivative(f, type.get(x, i)));
    }
  }

  @Override
  public long tableScratchBytes(WeightFormat format, int cols) {
    return format instanceof Elements ? 0 : (long) cols * Float.BYTES;
  }

  @Override
  public void gather(Table table, MemorySegment ids, MemorySegment addend, MemorySegment out, int cols, int from, int to) {
    rows.gather(table, ids, addend, out, cols, from, to);
  }

  @Override
  public void scatterAdd(MemorySegment dy, ScatterIndex index, boolean mean, MemorySegment table, int cols, int from, int to) {
    rows.scatterAdd(dy, index, mean, table, cols, from, to);
  }

  @Override
  public void layerNorm(MemorySegment x, MemorySegment gamma, MemorySegment beta, MemorySegment y, MemorySegment stats, int cols, double eps,
      int from, int to) {
    rows.layerNorm(x, gamma, beta, y, stats, cols, eps, from, to);
  }

  @Override
  public void layerNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend,
      MemorySegment dx, int cols, int from, int to) {
    rows.layerNormGrad(dy, x, stats, gamma, addend, dx, cols, from, to);
  }

  @Override
  public void layerNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, MemorySegment betaSum,
      int slot, int cols, int from, int to) {
    rows.layerNormParamGrad(dy, x, stats, gammaSum, betaSum, slot, cols, from, to);
  }

  @Override
  public void rmsNorm(MemorySegment x, MemorySegment gamma, MemorySegment y, MemorySegment stats, int cols, double eps, int from, int to) {
    decoder.rmsNorm(x, gamma, y, stats, cols, eps, from, to);
  }

  @Override
  public void rmsNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend, MemorySegment dx,
      int cols, int from, int to) {
    decoder.rmsNormGrad(dy, x, stats, gamma, addend, dx, cols, from, to);
  }

  @Override
  public void rmsNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, int slot, int cols, int from,
      int to) {
    decoder.rmsNormParamGrad(dy, x, stats, gammaSum, slot, cols, from, to);
  }

  @Override
  public void rope(MemorySegment x, MemorySegment positions, MemorySegment table, MemorySegment y, Turn turn, boolean inverse, int from, int to) {
    decoder.rope(x, positions, table, y, turn, inverse, from, to);
  }

  @Override
  public void columnSums(MemorySegment x, MemorySegment sums, int slot, int cols, int from, int to) {
    rows.columnSums(x, sums, slot, cols, from, to);
  }

  @Override
  public void scaleColumns(MemorySegment x, MemorySegment scale, MemorySegment center, MemorySegment out, int cols, int from, int to) {
    rows.scaleColumns(x, scale, center, out, cols, from, to);
  }

  @Override
  public void columnDots(MemorySegment dy, MemorySegment x, MemorySegment center, MemorySegment sums, int slot, int cols, int from, int to) {
    rows.columnDots(dy, x, center, sums, slot, cols, from, to);
  }

  @Override
  public void addPartials(MemorySegment partial, int slots, MemorySegment out, int cols, int from, int to) {
    for (int j = from; j < to; j++) {
      double sum = type.get(out, j);
      for (int slot = 0; slot < slots; slot++) {
        sum += type.get(partial, (long) slot * cols + j);
      }
      type.set(out, j, sum);
    }
  }

  @Override
  public void rangeSum(MemorySegment x, MemorySegment ranges, boolean mean, MemorySegment out, int cols, int from, int to) {
    rows.rangeSum(x, ranges, mean, out, cols, from, to);
  }

  @Override
  public void rangeSumGrad(MemorySegment dy, MemorySegment ranges, boolean mean, MemorySegment addend, MemorySegment dx, int cols, int from, int to) {
    rows.rangeSumGrad(dy, ranges, mean, addend, dx, cols, from, to);
  }

  @Override
  public void l2Normalize(MemorySegment x, MemorySegment y, MemorySegment norms, int cols, double eps, int from, int to) {
    rows.l2Normalize(x, y, norms, cols, eps, from, to);
  }

  @Override
  public void l2NormalizeGrad(MemorySegment dy, MemorySegment y, MemorySegment norms, MemorySegment dx, int cols, int from, int to) {
    rows.l2NormalizeGrad(dy, y, norms, dx, cols, from, to);
  }

  @Override
  public void dropout(MemorySegment x, MemorySegment rowKeys, MemorySegment random, int site, double p, MemorySegment out, int cols,
      int from, int to) {
    rows.dropout(x, rowKeys, random, site, p, out, cols, from, to);
  }

  @Override
  public void copyColumns(Part source, Part target, int width, int from, int to) {
    layouts.copyColumns(source, target, width, from, to);
  }

  @Override
  public void spread(Part x, MemorySegment spans, double filler, MemorySegment y, int most, int from, int to) {
    layouts.spread(x, spans, filler, y, most, from, to);
  }

  @Override
  public void collect(MemorySegment dy, MemorySegment spans, Part dx, int most, int from, int to) {
    layouts.collect(dy, spans, dx, most, from, to);
  }

  @Override
  public void unfold(MemorySegment x, MemorySegment indices, MemorySegment y, int channels, int taps, int from, int to) {
    layouts.unfold(x, indices, y, channels, taps, from, to);
  }

  @Override
  public void fold(MemorySegment dy, MemorySegment inverse, MemorySegment dx, int channels, int taps, int from, int to) {
    layouts.fold(dy, inverse, dx, channels, taps, from, to);
  }

  @Override
  public double gramPenalty(MemorySegment gram, double scale, MemorySegment factor, int r) {
    return adapters.gramPenalty(gram, scale, factor, r);
  }

  @Override
  public void mask(MemorySegment theta, MemorySegment mask, long from, long to) {
    adapters.mask(theta, mask, from, to);
  }

  @Override
  public void doraNorm(MemorySegment norms, MemorySegment m, MemorySegment b, MemorySegment t, double s, MemorySegment inverse, int r,
      int outputs, int from, int to) {
    adapters.doraNorm(norms, m, b, t, s, inverse, r, outputs, from, to);
  }

  @Override
  public void columnScores(MemorySegment x, MemorySegment y, MemorySegment scores, boolean add, int rows, int cols) {
    adapters.columnScores(x, y, scores, add, rows, cols);
  }

  @Override
  public long attentionScratchBytes(AttentionSpec spec, int maxKeys, int distances) {
    return 0;
  }

  @Override
  public void attention(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment out,
      MemorySegment lse, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head, MemorySegment scratch) {
    attention.forward(spec, q, k, v, bias, out, lse, qStart, qLength, kStart, kLength, positionOffset, head);
  }

  @Override
  public void attentionGrad(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart, int kLength,
      int positionOffset, int kvHead, MemorySegment scratch) {
    attention.backward(spec, q, k, v, bias, lse, dout, dq, dk, dv, qStart, qLength, kStart, kLength, positionOffset, kvHead);
  }

  @Override
  public void attentionBiasGrad(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias,
      MemorySegment lse, MemorySegment dout, AttentionSpec.Bias dBias, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head,
      MemorySegment scratch) {
    attention.bias(spec, q, k, v, bias, lse, dout, dBias, qStart, qLength, kStart, kLength, positionOffset, head);
  }

  @Override
  public void loss(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment rowLoss, int cols, int from, int to) {
    losses.loss(loss, predictions, labels, rowLoss, cols, from, to);
  }

  @Override
  public void lossGrad(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment dPredictions, int cols, int from, int to) {
    losses.gradient(loss, predictions, labels, dPredictions, cols, from, to);
  }

  @Override
  public long targets(Loss loss, MemorySegment labels, int cols, int from, int to) {
    return ReferenceLosses.targets(loss, labels, cols, from, to);
  }

  @Override
  public void inBatchNegatives(MemorySegment a, MemorySegment b, MemorySegment probs, int ld, MemorySegment rowLoss, double scale, int rows,
      int cols, int from, int to) {
    losses.inBatchNegatives(a, b, probs, ld, rowLoss, scale, rows, cols, from, to);
  }

  @Override
  public void inBatchNegativesGrad(MemorySegment probs, int ld, MemorySegment other, boolean transposed, double scale, MemorySegment out,
      int rows, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int c = 0; c < cols; c++) {
        double sum = 0;
        for (int j = 0; j < rows; j++) {
          sum += type.get(probs, transposed ? (long) j * ld + i : (long) i * ld + j) * type.get(other, (long) j * cols + c);
        }
        type.set(out, (long) i * cols + c, scale * sum);
      }
    }
  }

  @Override
  public void shift(MemorySegment x, double beta, MemorySegment out, long from, long to) {
    primitives.shift(x, beta, out, from, to);
  }

  @Override
  public void function(ScalarFunction f, MemorySegment x, MemorySegment out, long from, long to) {
    primitives.function(f, x, out, from, to);
  }

  @Override
  public void functionGrad(ScalarFunction f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to) {
    primitives.functionGrad(f, x, dy, dx, from, to);
  }

  @Override
  public void logSoftmaxAt(MemorySegment logits, MemorySegment columns, int picks, MemorySegment out, MemorySegment stats, int cols, int from,
      int to) {
    primitives.logSoftmaxAt(logits, columns, picks, out, stats, cols, from, to);
  }

  @Override
  public void logSoftmaxAtGrad(MemorySegment logits, MemorySegment columns, int picks, MemorySegment stats, MemorySegment dOut, MemorySegment dLogits,
      int cols, int from, int to) {
    primitives.logSoftmaxAtGrad(logits, columns, picks, stats, dOut, dLogits, cols, from, to);
  }

  @Override
  public void labelSoftmax(LabelSoftmax softmax, MemorySegment x, int first, int cols, int from, int to) {
    labels.chunk(softmax, x, first, cols, from, to);
  }

  @Override
  public void labelSoftmaxEnd(LabelSoftmax softmax, Table weight, MemorySegment row, double scale, MemorySegment y, MemorySegment likeliest, int from,
      int to) {
    labels.end(softmax, weight, row, scale, y, likeliest, from, to);
  }

  @Override
  public void likeliest(MemorySegment x, MemorySegment y, int cols, int from, int to) {
    labels.likeliest(x, y, cols, from, to);
  }

  @Override
  public double sum(MemorySegment x, long from, long to) {
    double sum = 0;
    for (long i = from; i < to; i++) {
      sum += type.get(x, i);
    }
    return sum;
  }

  @Override
  public double dot(MemorySegment x, MemorySegment y, long from, long to) {
    double sum = 0;
    for (long i = from; i < to; i++) {
      sum += type.get(x, i) * type.get(y, i);
    }
    return sum;
  }

  @Override
  public void sensitivity(MemorySegment theta, MemorySegment grad, double gradScale, double beta1, double beta2, MemorySegment importance,
      MemorySegment uncertainty, long from, long to) {
    for (long i = from; i < to; i++) {
      double now = Math.abs(type.get(theta, i) * gradScale * type.get(grad, i));
      double smooth = beta1 * type.get(importance, i) + (1 - beta1) * now;
      type.set(importance, i, smooth);
      type.set(uncertainty, i, beta2 * type.get(uncertainty, i) + (1 - beta2) * Math.abs(now - smooth));
    }
  }

  @Override
  public double sumSquares(MemorySegment x, long from, long to) {
    double sum = 0;
    for (long i = from; i < to; i++) {
      sum += type.get(x, i) * type.get(x, i);
    }
    return sum;
  }

  @Override
  public void adam(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, long from, long to, AdamScalars s) {
    amsgrad(theta, grad, m, v, MemorySegment.NULL, from, to, s);
  }

  @Override
  public void amsgrad(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, MemorySegment max, long from, long to,
      AdamScalars s) {
    for (long i = from; i < to; i++) {
      double p = type.get(theta, i);
      double g = s.gradScale * type.get(grad, i);
      if (s.decoupled) {
        p *= 1 - s.lr * s.decay;
      } else {
        g += s.decay * p;
      }
      double first = type.get(m, i) + (1 - s.beta1) * (g - type.get(m, i));
      double second = s.beta2 * type.get(v, i) + (1 - s.beta2) * g * g;
      type.set(m, i, first);
      type.set(v, i, second);
      if (!Operands.absent(max)) {
        second = Math.max(type.get(max, i), second);
        type.set(max, i, second);
      }
      type.set(theta, i, p - s.stepSize() * first / (Math.sqrt(second) / Math.sqrt(s.biasCorrection2) + s.eps));
    }
  }

  @Override
  public void sgd(MemorySegment theta, MemorySegment grad, MemorySegment velocity, long from, long to, double lr, double momentum,
      double decay, double gradScale, boolean first) {
    for (long i = from; i < to; i++) {
      double p = type.get(theta, i);
      double step = gradScale * type.get(grad, i) + decay * p;
      if (!Operands.absent(velocity)) {
        step += first ? 0 : momentum * type.get(velocity, i);
        type.set(velocity, i, step);
      }
      type.set(theta, i, p - lr * step);
    }
  }
}
