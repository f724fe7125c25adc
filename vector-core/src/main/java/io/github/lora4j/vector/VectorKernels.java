package io.github.lora4j.vector;

import io.github.lora4j.vector.internal.Activations;
import io.github.lora4j.vector.internal.AdapterSums;
import io.github.lora4j.vector.internal.Attention;
import io.github.lora4j.vector.internal.AttentionGradients;
import io.github.lora4j.vector.internal.Columns;
import io.github.lora4j.vector.internal.Decoder;
import io.github.lora4j.vector.internal.Dropout;
import io.github.lora4j.vector.internal.Elementwise;
import io.github.lora4j.vector.internal.Layouts;
import io.github.lora4j.vector.internal.Losses;
import io.github.lora4j.vector.internal.Norms;
import io.github.lora4j.vector.internal.Optimizers;
import io.github.lora4j.vector.internal.Primitives;
import io.github.lora4j.vector.internal.Rows;
import io.github.lora4j.vector.internal.Sensitivity;
import io.github.lora4j.vector.internal.Vocabulary;
import io.github.lora4j.vector.internal.gemm.TableRows;
import io.github.lora4j.vector.internal.gemm.VectorGemms;
import io.github.lora4j.vector.internal.reference.ReferenceLosses;
import io.github.lora4j.vector.internal.reference.ReferencePrimitives;
import java.lang.foreign.MemorySegment;

/**
 * Kernels in F32 by the Vector API, at the width of the machine. Needs the module {@code jdk.incubator.vector}: get them from
 * {@link KernelProvider}, which says how to add it. Bits depend on the width of the vectors, not on threads or the compiler.
 */
public final class VectorKernels implements Kernels {

  static {
    // The first heap segment of a JVM loads a second class of segments, and all code compiled for the only class there was is thrown
    // away. Load it before there is any.
    MemorySegment.ofArray(new float[0]);
  }

  private final ReferenceLosses narrow = new ReferenceLosses(DType.F32);
  private final ReferencePrimitives primitives = new ReferencePrimitives(DType.F32);

  @Override
  public DType dtype() {
    return DType.F32;
  }

  @Override
  public String describe() {
    return "vector: " + VectorGemms.describe();
  }

  @Override
  public long packedBytes(int rows, int cols, WeightFormat storage) {
    return VectorGemms.packedBytes(rows, cols, storage);
  }

  @Override
  public void pack(int rows, int cols, MemorySegment source, MemorySegment panels, WeightFormat storage) {
    VectorGemms.pack(rows, cols, source, panels, storage);
  }

  @Override
  public void packStored(int rows, int cols, MemorySegment blocks, MemorySegment panels, WeightFormat storage) {
    VectorGemms.packStored(rows, cols, blocks, panels, storage);
  }

  @Override
  public long gemmScratchBytes(Gemm.Spec spec, int threads) {
    return VectorGemms.gemmScratchBytes(spec, threads);
  }

  @Override
  public Gemm gemm(Gemm.Spec spec, Gemm.Operands operands, Gemm.Then then) {
    return VectorGemms.early(spec, operands, then);
  }

  @Override
  public void add(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
    Elementwise.add(x, y, out, from, to);
  }

  @Override
  public void multiply(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
    Elementwise.multiply(x, y, out, from, to);
  }

  @Override
  public void scale(MemorySegment x, double alpha, MemorySegment out, long from, long to) {
    Elementwise.scale(x, (float) alpha, out, from, to);
  }

  @Override
  public void activation(Activation f, MemorySegment x, MemorySegment out, long from, long to) {
    Activations.apply(f, x, out, from, to);
  }

  @Override
  public void activationGrad(Activation f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to) {
    Activations.gradient(f, x, dy, dx, from, to);
  }

  @Override
  public long tableScratchBytes(WeightFormat format, int cols) {
    return format instanceof Elements ? 0 : TableRows.decodedFloats(format, cols) * 4L;
  }

  @Override
  public void gather(Table table, MemorySegment ids, MemorySegment addend, MemorySegment out, int cols, int from, int to) {
    TableRows.gather(table, ids, addend, out, cols, from, to);
  }

  @Override
  public void scatterAdd(MemorySegment dy, ScatterIndex index, boolean mean, MemorySegment table, int cols, int from, int to) {
    Rows.scatterAdd(dy, index, mean, table, cols, from, to);
  }

  @Override
  public void layerNorm(MemorySegment x, MemorySegment gamma, MemorySegment beta, MemorySegment y, MemorySegment stats, int cols, double eps,
      int from, int to) {
    Norms.layerNorm(x, gamma, beta, y, stats, cols, eps, from, to);
  }

  @Override
  public void layerNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend,
      MemorySegment dx, int cols, int from, int to) {
    Norms.layerNormGrad(dy, x, stats, gamma, addend, dx, cols, from, to);
  }

  @Override
  public void layerNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, MemorySegment betaSum,
      int slot, int cols, int from, int to) {
    Norms.layerNormParamGrad(dy, x, stats, gammaSum, betaSum, slot, cols, from, to);
  }

  @Override
  public void rmsNorm(MemorySegment x, MemorySegment gamma, MemorySegment y, MemorySegment stats, int cols, double eps, int from, int to) {
    Decoder.rmsNorm(x, gamma, y, stats, cols, eps, from, to);
  }

  @Override
  public void rmsNormGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gamma, MemorySegment addend, MemorySegment dx,
      int cols, int from, int to) {
    Decoder.rmsNormGrad(dy, x, stats, gamma, addend, dx, cols, from, to);
  }

  @Override
  public void rmsNormParamGrad(MemorySegment dy, MemorySegment x, MemorySegment stats, MemorySegment gammaSum, int slot, int cols, int from,
      int to) {
    Decoder.rmsNormParamGrad(dy, x, stats, gammaSum, slot, cols, from, to);
  }

  @Override
  public void rope(MemorySegment x, MemorySegment positions, MemorySegment table, MemorySegment y, Turn turn, boolean inverse, int from, int to) {
    Decoder.rope(x, positions, table, y, turn, inverse, from, to);
  }

  @Override
  public void columnSums(MemorySegment x, MemorySegment sums, int slot, int cols, int from, int to) {
    Rows.columnSums(x, sums, slot, cols, from, to);
  }

  @Override
  public void scaleColumns(MemorySegment x, MemorySegment scale, MemorySegment center, MemorySegment out, int cols, int from, int to) {
    Columns.scale(x, scale, center, out, cols, from, to);
  }

  @Override
  public void columnDots(MemorySegment dy, MemorySegment x, MemorySegment center, MemorySegment sums, int slot, int cols, int from, int to) {
    Columns.dots(dy, x, center, sums, slot, cols, from, to);
  }

  @Override
  public void addPartials(MemorySegment partial, int slots, MemorySegment out, int cols, int from, int to) {
    Rows.addPartials(partial, slots, out, cols, from, to);
  }

  @Override
  public void rangeSum(MemorySegment x, MemorySegment ranges, boolean mean, MemorySegment out, int cols, int from, int to) {
    Rows.rangeSum(x, ranges, mean, out, cols, from, to);
  }

  @Override
  public void rangeSumGrad(MemorySegment dy, MemorySegment ranges, boolean mean, MemorySegment addend, MemorySegment dx, int cols, int from, int to) {
    Rows.rangeSumGrad(dy, ranges, mean, addend, dx, cols, from, to);
  }

  @Override
  public void l2Normalize(MemorySegment x, MemorySegment y, MemorySegment norms, int cols, double eps, int from, int to) {
    Norms.l2Normalize(x, y, norms, cols, eps, from, to);
  }

  @Override
  public void l2NormalizeGrad(MemorySegment dy, MemorySegment y, MemorySegment norms, MemorySegment dx, int cols, int from, int to) {
    Norms.l2NormalizeGrad(dy, y, norms, dx, cols, from, to);
  }

  @Override
  public void dropout(MemorySegment x, MemorySegment rowKeys, MemorySegment random, int site, double p, MemorySegment out, int cols,
      int from, int to) {
    Dropout.apply(x, rowKeys, random, site, p, out, cols, from, to);
  }

  @Override
  public void copyColumns(Part source, Part target, int width, int from, int to) {
    Layouts.copyColumns(source, target, width, from, to);
  }

  @Override
  public void spread(Part x, MemorySegment spans, double filler, MemorySegment y, int most, int from, int to) {
    Layouts.spread(x, spans, filler, y, most, from, to);
  }

  @Override
  public void collect(MemorySegment dy, MemorySegment spans, Part dx, int most, int from, int to) {
    Layouts.collect(dy, spans, dx, most, from, to);
  }

  @Override
  public void unfold(MemorySegment x, MemorySegment indices, MemorySegment y, int channels, int taps, int from, int to) {
    Layouts.unfold(x, indices, y, channels, taps, from, to);
  }

  @Override
  public void fold(MemorySegment dy, MemorySegment inverse, MemorySegment dx, int channels, int taps, int from, int to) {
    Layouts.fold(dy, inverse, dx, channels, taps, from, to);
  }

  @Override
  public double gramPenalty(MemorySegment gram, double scale, MemorySegment factor, int r) {
    return AdapterSums.gramPenalty(gram, scale, factor, r);
  }

  @Override
  public void mask(MemorySegment theta, MemorySegment mask, long from, long to) {
    AdapterSums.mask(theta, mask, from, to);
  }

  @Override
  public void doraNorm(MemorySegment norms, MemorySegment m, MemorySegment b, MemorySegment t, double s, MemorySegment inverse, int r,
      int outputs, int from, int to) {
    AdapterSums.doraNorm(norms, m, b, t, s, inverse, r, outputs, from, to);
  }

  @Override
  public void columnScores(MemorySegment x, MemorySegment y, MemorySegment scores, boolean add, int rows, int cols) {
    AdapterSums.columnScores(x, y, scores, add, rows, cols);
  }

  @Override
  public long attentionScratchBytes(AttentionSpec spec, int maxKeys, int distances) {
    return Attention.scratchBytes(spec, maxKeys, distances);
  }

  @Override
  public void attention(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment out,
      MemorySegment lse, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head, MemorySegment scratch) {
    Attention.forward(spec, q, k, v, bias, out, lse, qStart, qLength, kStart, kLength, positionOffset, head, scratch);
  }

  @Override
  public void attentionGrad(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias, MemorySegment lse,
      MemorySegment dout, MemorySegment dq, MemorySegment dk, MemorySegment dv, int qStart, int qLength, int kStart, int kLength,
      int positionOffset, int kvHead, MemorySegment scratch) {
    AttentionGradients.backward(spec, q, k, v, bias, lse, dout, dq, dk, dv, qStart, qLength, kStart, kLength, positionOffset, kvHead, scratch);
  }

  @Override
  public void attentionBiasGrad(AttentionSpec spec, MemorySegment q, MemorySegment k, MemorySegment v, AttentionSpec.Bias bias,
      MemorySegment lse, MemorySegment dout, AttentionSpec.Bias dBias, int qStart, int qLength, int kStart, int kLength, int positionOffset, int head,
      MemorySegment scratch) {
    AttentionGradients.bias(spec, q, k, v, bias, lse, dout, dBias, qStart, qLength, kStart, kLength, positionOffset, head, scratch);
  }

  @Override
  public void loss(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment rowLoss, int cols, int from, int to) {
    if (loss == Loss.CROSS_ENTROPY) {
      Losses.crossEntropy(predictions, labels, rowLoss, cols, from, to);
    } else {
      narrow.loss(loss, predictions, labels, rowLoss, cols, from, to);
    }
  }

  @Override
  public void lossGrad(Loss loss, MemorySegment predictions, MemorySegment labels, MemorySegment dPredictions, int cols, int from, int to) {
    if (loss == Loss.CROSS_ENTROPY) {
      Losses.crossEntropyGrad(predictions, labels, dPredictions, cols, from, to);
    } else {
      narrow.gradient(loss, predictions, labels, dPredictions, cols, from, to);
    }
  }

  @Override
  public long targets(Loss loss, MemorySegment labels, int cols, int from, int to) {
    return ReferenceLosses.targets(loss, labels, cols, from, to);
  }

  @Override
  public void inBatchNegatives(MemorySegment a, MemorySegment b, MemorySegment probs, int ld, MemorySegment rowLoss, double scale, int rows,
      int cols, int from, int to) {
    Losses.inBatchNegatives(a, b, probs, ld, rowLoss, (float) scale, rows, cols, from, to);
  }

  @Override
  public void inBatchNegativesGrad(MemorySegment probs, int ld, MemorySegment other, boolean transposed, double scale, MemorySegment out,
      int rows, int cols, int from, int to) {
    Losses.inBatchNegativesGrad(probs, ld, other, transposed, (float) scale, out, rows, cols, from, to);
  }

  @Override
  public void shift(MemorySegment x, double beta, MemorySegment out, long from, long to) {
    Primitives.shift(x, (float) beta, out, from, to);
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
    Primitives.logSoftmaxAt(logits, columns, picks, out, stats, cols, from, to);
  }

  @Override
  public void logSoftmaxAtGrad(MemorySegment logits, MemorySegment columns, int picks, MemorySegment stats, MemorySegment dOut, MemorySegment dLogits,
      int cols, int from, int to) {
    Primitives.logSoftmaxAtGrad(logits, columns, picks, stats, dOut, dLogits, cols, from, to);
  }

  @Override
  public void labelSoftmax(LabelSoftmax softmax, MemorySegment x, int first, int cols, int from, int to) {
    Vocabulary.chunk(softmax, x, first, cols, from, to);
  }

  @Override
  public void labelSoftmaxEnd(LabelSoftmax softmax, Table weight, MemorySegment row, double scale, MemorySegment y, MemorySegment likeliest, int from,
      int to) {
    TableRows.labelSoftmaxEnd(softmax, weight, row, scale, y, likeliest, from, to);
  }

  @Override
  public void likeliest(MemorySegment x, MemorySegment y, int cols, int from, int to) {
    Vocabulary.likeliest(x, y, cols, from, to);
  }

  @Override
  public double sum(MemorySegment x, long from, long to) {
    return Elementwise.sum(x, from, to);
  }

  @Override
  public double dot(MemorySegment x, MemorySegment y, long from, long to) {
    return Elementwise.dot(x, y, from, to);
  }

  @Override
  public void sensitivity(MemorySegment theta, MemorySegment grad, double gradScale, double beta1, double beta2, MemorySegment importance,
      MemorySegment uncertainty, long from, long to) {
    Sensitivity.update(theta, grad, (float) gradScale, (float) beta1, (float) beta2, importance, uncertainty, from, to);
  }

  @Override
  public double sumSquares(MemorySegment x, long from, long to) {
    return Elementwise.sumSquares(x, from, to);
  }

  @Override
  public void adam(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, long from, long to, AdamScalars s) {
    Optimizers.adam(theta, grad, m, v, from, to, s);
  }

  @Override
  public void amsgrad(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, MemorySegment max, long from, long to,
      AdamScalars s) {
    Optimizers.amsgrad(theta, grad, m, v, max, from, to, s);
  }

  @Override
  public void sgd(MemorySegment theta, MemorySegment grad, MemorySegment velocity, long from, long to, double lr, double momentum,
      double decay, double gradScale, boolean first) {
    Optimizers.sgd(theta, grad, velocity, from, to, (float) lr, (float) momentum, (float) decay, (float) gradScale, first);
  }
}
