package io.github.lora4j.vector;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.BiConsumer;

/**
 * Every kernel of {@link VectorKernels} against {@link ReferenceKernels} at awkward sizes, into buffers that end where the data
 * ends. A class with a main method, because the width of vectors is fixed for the life of a JVM.
 */
final class KernelComparison {
  private static final int[] COLS = {1, 2, 3, 7, 15, 16, 17, 31, 33, 48, 100, 384, 768};
  private static final int[] ROWS = {0, 1, 2, 5, 17};

  private final Kernels vector = new VectorKernels();
  private final Kernels reference = new ReferenceKernels(DType.F32);
  private final Data data = new Data(DType.F32, 42);
  private final Data more = new Data(DType.F32, 43);

  public static void main(String[] args) {
    new KernelComparison().all();
  }

  void all() {
    for (int cols : COLS) {
      elementwise(cols);
      optimizers(cols);
      for (int rows : ROWS) {
        rows(rows, cols);
        losses(rows, cols);
        layouts(rows, cols);
        adapters(rows, cols);
      }
    }
    for (int cols : COLS) {
      for (int rows : ROWS) {
        primitives(rows, cols);
      }
    }
    // More than two chunks of a vocabulary.
    primitives(3, 9001);
  }

  /** Runs one kernel in both, each on its own output, and compares the outputs. */
  private void same(String what, double tolerance, MemorySegment initial, BiConsumer<Kernels, MemorySegment> kernel) {
    same(what, tolerance, 0, initial, kernel);
  }

  /** The same for sums that may cancel: the tolerance is relative to the size of their terms. */
  private void same(String what, double tolerance, double terms, MemorySegment initial, BiConsumer<Kernels, MemorySegment> kernel) {
    MemorySegment expected = Data.copy(initial);
    MemorySegment actual = Data.copy(initial);
    kernel.accept(reference, expected);
    kernel.accept(vector, actual);
    Data.assertClose(what, expected, actual, tolerance, terms);
  }

  private void elementwise(int n) {
    MemorySegment x = data.normal(n);
    MemorySegment y = data.normal(n);
    MemorySegment out = data.normal(n);
    int from = n / 3;
    int to = n - n / 5;
    same("add " + n, 0, out, (k, o) -> k.add(x, y, o, from, to));
    same("multiply " + n, 0, out, (k, o) -> k.multiply(x, y, o, from, to));
    same("scale " + n, 1, out, (k, o) -> k.scale(x, 0.3, o, from, to));
    for (Activation f : Activation.values()) {
      same(f + " " + n, 4, out, (k, o) -> k.activation(f, x, o, from, to));
      same(f + " gradient " + n, 6, out, (k, o) -> k.activationGrad(f, x, y, o, from, to));
      same(f + " in place " + n, 4, x, (k, o) -> k.activation(f, o, o, 0, n));
    }
    sameNumber("sum " + n, reference.sum(x, from, to), vector.sum(x, from, to), n);
    sameNumber("sum of squares " + n, reference.sumSquares(x, from, to), vector.sumSquares(x, from, to), n);
  }

  private static void sameNumber(String what, double expected, double actual, int n) {
    if (!(Math.abs(expected - actual) <= 1e-15 * n * n)) {
      throw new AssertionError(what + ": " + actual + ", expected " + expected);
    }
  }

  private void rows(int rows, int cols) {
    String at = " " + rows + "x" + cols;
    double sums = 4 + Math.sqrt(Math.max(rows, cols));
    MemorySegment x = data.normal((long) rows * cols);
    MemorySegment dy = data.normal((long) rows * cols);
    MemorySegment addend = data.normal((long) rows * cols);
    MemorySegment out = data.normal((long) rows * cols);
    MemorySegment gamma = data.normal(cols);
    MemorySegment beta = data.normal(cols);
    MemorySegment stats = data.zeros(2L * rows);
    MemorySegment norms = data.zeros(rows);
    MemorySegment partial = data.normal(2L * cols);
    int from = rows / 4;
    int to = rows - rows / 5;
    same("layer norm" + at, sums, out, (k, o) -> k.layerNorm(x, gamma, beta, o, k == reference ? stats : data.zeros(2L * rows), cols, 1e-5,
        from, to));
    same("layer norm statistics" + at, sums * 4, stats, (k, o) -> k.layerNorm(x, gamma, NULL, data.zeros((long) rows * cols), o, cols, 1e-5,
        from, to));
    same("layer norm in place" + at, sums, x, (k, o) -> k.layerNorm(o, gamma, NULL, o, data.zeros(2L * rows), cols, 1e-5, from, to));
    double terms = 0;
    for (float rstd : Data.floats(stats)) {
      terms = Math.max(terms, 4 * rstd);
    }
    same("layer norm gradient" + at, sums, terms, out, (k, o) -> k.layerNormGrad(dy, x, stats, gamma, NULL, o, cols, from, to));
    same("layer norm gradient in place" + at, sums, terms, dy, (k, o) -> k.layerNormGrad(o, x, stats, gamma, addend, o, cols, from, to));
    same("gamma" + at, sums, partial, (k, o) -> k.layerNormParamGrad(dy, x, stats, o, data.zeros(2L * cols), 1, cols, from, to));
    same("beta" + at, sums, partial, (k, o) -> k.layerNormParamGrad(dy, x, stats, data.zeros(2L * cols), o, 1, cols, from, to));
    same("rms norm" + at, sums, out, (k, o) -> k.rmsNorm(x, gamma, o, k == reference ? stats : data.zeros(2L * rows), cols, 1e-5, from, to));
    same("rms norm in place" + at, sums, x, (k, o) -> k.rmsNorm(o, gamma, o, data.zeros(2L * rows), cols, 1e-5, from, to));
    double turned = terms * Math.sqrt(cols);
    same("rms norm gradient" + at, sums, turned, out, (k, o) -> k.rmsNormGrad(dy, x, stats, gamma, NULL, o, cols, from, to));
    same("rms norm gradient in place" + at, sums, turned, dy, (k, o) -> k.rmsNormGrad(o, x, stats, gamma, addend, o, cols, from, to));
    same("rms gamma" + at, sums, partial, (k, o) -> k.rmsNormParamGrad(dy, x, stats, o, 1, cols, from, to));
    if (cols % 2 == 0) {
      MemorySegment angles = data.normal(9L * cols);
      MemorySegment positions = Data.ints(data.uniform(rows, 9));
      same("rope" + at, 4, 4, out, (k, o) -> k.rope(x, positions, angles, o, new Kernels.Turn(1, cols, cols, false), false, from, to));
      same("rope back in place" + at, 4, 4, x, (k, o) -> k.rope(o, positions, angles, o, new Kernels.Turn(1, cols, cols, false), true, from, to));
      Kernels.Turn part = new Kernels.Turn(1, cols, cols / 4 * 2, false);
      same("rope of a part" + at, 4, 4, out, (k, o) -> k.rope(x, positions, angles, o, part, false, from, to));
      Kernels.Turn pairs = new Kernels.Turn(1, cols, cols / 4 * 2, true);
      same("rope of neighbours" + at, 4, 4, out, (k, o) -> k.rope(x, positions, angles, o, pairs, false, from, to));
      same("rope of neighbours back in place" + at, 4, 4, x, (k, o) -> k.rope(o, positions, angles, o, pairs, true, from, to));
    }
    MemorySegment factors = data.normal(cols);
    MemorySegment center = data.normal(cols);
    same("columns scaled" + at, 1, out, (k, o) -> k.scaleColumns(x, factors, NULL, o, cols, from, to));
    same("columns scaled in place" + at, 1, x, (k, o) -> k.scaleColumns(o, factors, NULL, o, cols, from, to));
    same("columns scaled around" + at, 8, 2, out, (k, o) -> k.scaleColumns(x, factors, center, o, cols, from, to));
    same("column dots" + at, sums, Math.max(1, rows), partial, (k, o) -> k.columnDots(dy, x, NULL, o, 1, cols, from, to));
    same("column dots around" + at, 2 * sums, Math.max(1, rows), partial, (k, o) -> k.columnDots(dy, x, center, o, 1, cols, from, to));
    same("column sums" + at, sums, partial, (k, o) -> k.columnSums(x, o, 1, cols, from, to));
    same("partials" + at, sums, gamma, (k, o) -> k.addPartials(x, rows, o, cols, cols / 3, cols - cols / 5));
    same("unit norm" + at, sums, out, (k, o) -> k.l2Normalize(x, o, k == reference ? norms : data.zeros(rows), cols, 1e-12, from, to));
    same("norms" + at, sums, norms, (k, o) -> k.l2Normalize(x, data.zeros((long) rows * cols), o, cols, 1e-12, from, to));
    same("unit norm gradient" + at, sums, out, (k, o) -> k.l2NormalizeGrad(dy, x, filled(rows, 1.5f), o, cols, from, to));
    lookups(rows, cols, x, dy, addend, out);
    dropout(rows, cols, x, out);
  }

  private static MemorySegment filled(int n, float value) {
    float[] values = new float[n];
    java.util.Arrays.fill(values, value);
    return Data.floats(values);
  }

  private void lookups(int rows, int cols, MemorySegment x, MemorySegment dy, MemorySegment addend, MemorySegment out) {
    String at = " " + rows + "x" + cols;
    int[] ids = data.uniform(rows, 9);
    if (rows > 1) {
      ids[1] = -1;
    }
    MemorySegment entries = new Data(DType.F32, 7).normal(9L * cols);
    for (WeightFormat storage : new WeightFormat[] {WeightFormat.F32, WeightFormat.F64, WeightFormat.F16, WeightFormat.BF16, new Scaled8(32),
        new Scaled8(5), GgufFormat.Q8_0, GgufFormat.Q4_K, FourBit.NF4}) {
      MemorySegment blocks = Arena.ofAuto().allocate(9 * WeightFormats.rowBytes(storage, cols), 64);
      WeightFormats.encode(storage, 9, cols, new Elements(DType.F32), entries, blocks);
      MemorySegment scratch = Arena.ofAuto().allocate(Math.max(1, vector.tableScratchBytes(storage, cols)), 64);
      Kernels.Table table = new Kernels.Table(blocks, storage, scratch);
      same("gather " + storage.name() + at, 0, out, (k, o) -> k.gather(table, Data.ints(ids), NULL, o, cols, 0, rows));
      same("gather in place " + storage.name() + at, 1, out, (k, o) -> k.gather(table, Data.ints(ids), o, o, cols, 0, rows));
      same("gather and add " + storage.name() + at, 1, out, (k, o) -> k.gather(table, Data.ints(ids), addend, o, cols, 0, rows));
    }
    if (rows >= 5) {
      MemorySegment table = data.normal(9L * cols);
      Kernels.ScatterIndex index = new Kernels.ScatterIndex(Data.ints(2, 8), Data.ints(0, 3, 5), Data.ints(4, 0, 2, 1, 3));
      same("scatter" + at, 4, table, (k, o) -> k.scatterAdd(dy, index, false, o, cols, 0, 2));
      same("scatter of means" + at, 4, table, (k, o) -> k.scatterAdd(dy, index, true, o, cols, 0, 2));
      MemorySegment ranges = Data.ints(1, 3, 0, 0, 4, 1);
      MemorySegment means = data.normal(3L * cols);
      for (boolean mean : new boolean[] {true, false}) {
        String which = (mean ? " mean" : " sum") + at;
        same("range" + which, 4, means, (k, o) -> k.rangeSum(x, ranges, mean, o, cols, 0, 3));
        same("gradient of range" + which, 1, out, (k, o) -> k.rangeSumGrad(means, ranges, mean, NULL, o, cols, 0, 3));
        same("gradient in place of range" + which, 1, out, (k, o) -> k.rangeSumGrad(means, ranges, mean, o, o, cols, 0, 3));
      }
    }
  }

  private void layouts(int rows, int cols) {
    String at = " " + rows + "x" + cols;
    int from = rows / 4;
    int to = rows - rows / 5;
    int wide = 2 * cols + 3;
    Kernels.Part whole = new Kernels.Part(more.normal((long) rows * wide), wide, cols);
    Kernels.Part part = new Kernels.Part(more.normal((long) rows * cols), cols, 0);
    same("columns out" + at, 0, part.rows(), (k, o) -> k.copyColumns(whole, new Kernels.Part(o, cols, 0), cols, from, to));
    same("columns in" + at, 0, whole.rows(), (k, o) -> k.copyColumns(part, new Kernels.Part(o, wide, cols), cols, from, to));

    Kernels.Part x = new Kernels.Part(more.normal(17L * 3), 3, 0);
    int[] ofSpans = new int[3 * rows];
    for (int i = 0; i < rows; i++) {
      ofSpans[3 * i] = i % 5;
      ofSpans[3 * i + 1] = Math.min(i * 7 % 13, 17 - i % 5);
      ofSpans[3 * i + 2] = i % 3;
    }
    MemorySegment spans = Data.ints(ofSpans);
    MemorySegment spreadRows = more.normal((long) rows * cols);
    same("spread" + at, 0, spreadRows, (k, o) -> k.spread(x, spans, -1e30, o, cols, from, to));
    same("collect" + at, 0, x.rows(), (k, o) -> k.collect(spreadRows, spans, new Kernels.Part(o, 3, 0), cols, from, to));

    int taps = 1 + cols % 4;
    int[] seen = more.uniform(rows * taps, Math.max(1, rows));
    for (int i = 0; i < seen.length; i += 3) {
      seen[i] = -1;
    }
    MemorySegment indices = Data.ints(seen);
    MemorySegment unfolded = more.normal((long) rows * cols * taps);
    same("unfold" + at, 0, unfolded, (k, o) -> k.unfold(part.rows(), indices, o, cols, taps, from, to));
    same("fold" + at, 0, part.rows(), (k, o) -> k.fold(unfolded, indices, o, cols, taps, from, to));
  }

  /** To the bit: an adapter trained at one width of vectors is that trained at another. */
  private void adapters(int r, int outputs) {
    String at = " " + r + "x" + outputs;
    MemorySegment gram = more.normal((long) r * r);
    MemorySegment factor = more.normal((long) r * r);
    same("gram penalty" + at, 0, factor, (k, o) -> k.gramPenalty(gram, 0.3, o, r));
    sameNumber("gram norm" + at, reference.gramPenalty(gram, 0.3, Data.copy(factor), r), vector.gramPenalty(gram, 0.3, Data.copy(factor), r), 0);
    MemorySegment theta = more.normal((long) r * outputs);
    MemorySegment mask = more.normal((long) r * outputs);
    for (int i = 0; i < r * outputs; i += 2) {
      mask.setAtIndex(JAVA_FLOAT, i, i % 3 == 0 ? -0f : 0f);
      theta.setAtIndex(JAVA_FLOAT, i, i % 5 == 0 ? Float.NaN : -1f);
    }
    same("mask" + at, 0, theta, (k, o) -> k.mask(o, mask, outputs / 3, (long) r * outputs - outputs / 5));
    MemorySegment m = more.normal((long) r * outputs);
    MemorySegment b = more.normal((long) r * outputs);
    MemorySegment t = more.normal((long) r * outputs);
    MemorySegment norms = filled(outputs, 9);
    MemorySegment inverse = more.normal(outputs);
    same("dora norm" + at, 0, inverse, (k, o) -> k.doraNorm(norms, m, b, t, 0.25, o, r, outputs, outputs / 3, outputs - outputs / 5));
    for (boolean add : new boolean[] {false, true}) {
      same("column scores" + at, 0, inverse, (k, o) -> k.columnScores(m, b, o, add, r, outputs));
    }
  }

  private void dropout(int rows, int cols, MemorySegment x, MemorySegment out) {
    MemorySegment keys = Data.ints(data.uniform(2 * rows, Integer.MAX_VALUE));
    MemorySegment random = Data.ints(-5, 77, 1 << 30);
    for (double p : new double[] {0, 0.1, 0.5, 0.9}) {
      same("dropout " + p + " " + rows + "x" + cols, 1, out, (k, o) -> k.dropout(x, keys, random, 0xCAFE, p, o, cols, 0, rows));
    }
  }

  private void losses(int rows, int cols) {
    String at = " " + rows + "x" + cols;
    MemorySegment logits = data.normal((long) rows * cols);
    vector.scale(logits, 30, logits, 0, (long) rows * cols);
    int[] classes = data.uniform(rows, cols);
    if (rows > 1) {
      classes[1] = -100;
    }
    MemorySegment labels = Data.ints(classes);
    MemorySegment targets = data.normal((long) rows * cols);
    MemorySegment rowLoss = data.normal(rows);
    for (Loss loss : Loss.values()) {
      MemorySegment wanted = loss == Loss.CROSS_ENTROPY ? labels : targets;
      same(loss + at, 4, 1, rowLoss, (k, o) -> k.loss(loss, logits, wanted, o, cols, 0, rows));
      same(loss + " gradient" + at, 6, 1, logits, (k, o) -> k.lossGrad(loss, o, wanted, o, cols, 0, rows));
    }
    MemorySegment b = data.normal((long) rows * cols);
    double scale = 3 / Math.sqrt(cols);
    MemorySegment probs = data.normal((long) rows * (rows + 3));
    MemorySegment out = data.normal((long) rows * cols);
    vector.scale(logits, 1 / 30.0, logits, 0, (long) rows * cols);
    // Similarities cancel in a loss, and what is lost of one is lost of e to its power.
    double sums = 4 + Math.sqrt(Math.max(rows, cols));
    double similarity = similarity(logits, b, rows, cols, scale);
    same("in-batch negatives" + at, sums, similarity, rowLoss, (k, o) -> k.inBatchNegatives(logits, b, data.zeros((long) rows * (rows + 3)), rows + 3,
        o, scale, rows, cols, 0, rows));
    same("in-batch probabilities" + at, sums, similarity, probs, (k, o) -> k.inBatchNegatives(logits, b, o, rows + 3, Data.copy(rowLoss), scale, rows,
        cols, 0, rows));
    for (boolean transposed : new boolean[] {false, true}) {
      same("in-batch gradient" + at, 8, 20, out, (k, o) -> k.inBatchNegativesGrad(probs, rows + 3, b, transposed, 20, o, rows, cols, 0, rows));
    }
  }

  /** The largest similarity of a row with a row, at least 1. */
  private static double similarity(MemorySegment a, MemorySegment b, int rows, int cols, double scale) {
    float[] x = Data.floats(a);
    float[] y = Data.floats(b);
    double largest = 1;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < rows; j++) {
        double dot = 0;
        for (int c = 0; c < cols; c++) {
          dot += (double) x[i * cols + c] * y[j * cols + c];
        }
        largest = Math.max(largest, Math.abs(scale * dot));
      }
    }
    return largest;
  }

  private void primitives(int rows, int cols) {
    String at = " " + rows + "x" + cols;
    int n = rows * cols;
    MemorySegment x = data.normal(n);
    MemorySegment dy = data.normal(n);
    MemorySegment out = data.normal(n);
    same("shift" + at, 1, out, (k, o) -> k.shift(x, 0.3, o, 0, n));
    same("fill" + at, 0, out, (k, o) -> k.shift(NULL, -1.5, o, 0, n));
    for (ScalarFunction f : ScalarFunction.values()) {
      same(f + at, 4, out, (k, o) -> k.function(f, x, o, 0, n));
      same(f + " gradient" + at, 6, out, (k, o) -> k.functionGrad(f, x, dy, o, 0, n));
    }
    MemorySegment logits = data.normal(n);
    vector.scale(logits, 30, logits, 0, n);
    for (int picks : new int[] {1, 3}) {
      int[] chosen = data.uniform(rows * picks, cols);
      for (int i = 0; i < chosen.length; i += 4) {
        chosen[i] = i % 8 == 0 ? -100 : -1;
      }
      MemorySegment columns = Data.ints(chosen);
      MemorySegment some = data.normal((long) rows * picks);
      MemorySegment stats = data.normal(2L * rows);
      reference.logSoftmaxAt(logits, columns, picks, Data.copy(some), stats, cols, 0, rows);
      same("log-softmax" + at, 4, 1, some, (k, o) -> k.logSoftmaxAt(logits, columns, picks, o, Data.copy(stats), cols, 0, rows));
      same("sums of log-softmax" + at, 8, stats, (k, o) -> k.logSoftmaxAt(logits, columns, picks, Data.copy(some), o, cols, 0, rows));
      same("log-softmax gradient" + at, 8, 1, logits, (k, o) -> k.logSoftmaxAtGrad(o, columns, picks, stats, some, o, cols, 0, rows));
    }
  }

  private void optimizers(int n) {
    MemorySegment theta = data.normal(n);
    MemorySegment grad = data.normal(n);
    MemorySegment m = data.normal(n);
    MemorySegment v = data.normal(n);
    vector.multiply(v, v, v, 0, n);
    AdamScalars s = new AdamScalars();
    s.lr = 1e-2;
    s.beta2 = 0.999;
    s.eps = 1e-8;
    s.decay = 0.1;
    s.gradScale = 0.25;
    s.biasCorrection1 = 1 - Math.pow(0.9, 3);
    s.biasCorrection2 = 1 - Math.pow(0.999, 3);
    for (double beta1 : new double[] {0.9, 0}) {
      for (boolean decoupled : new boolean[] {false, true}) {
        s.beta1 = beta1;
        s.decoupled = decoupled;
        same("adam theta " + n, 6, theta, (k, o) -> k.adam(o, grad, Data.copy(m), Data.copy(v), n / 3, n, s));
        same("adam m " + n, 4, m, (k, o) -> k.adam(Data.copy(theta), grad, o, Data.copy(v), n / 3, n, s));
        MemorySegment max = Data.copy(v);
        vector.multiply(v, m, max, 0, n);
        same("amsgrad theta " + n, 6, theta, (k, o) -> k.amsgrad(o, grad, Data.copy(m), Data.copy(v), Data.copy(max), n / 3, n, s));
        same("amsgrad max " + n, 4, max, (k, o) -> k.amsgrad(Data.copy(theta), grad, Data.copy(m), Data.copy(v), o, n / 3, n, s));
        same("adam v " + n, 4, v, (k, o) -> k.adam(Data.copy(theta), grad, Data.copy(m), o, n / 3, n, s));
      }
    }
    for (boolean first : new boolean[] {false, true}) {
      same("sgd theta " + n, 4, theta, (k, o) -> k.sgd(o, grad, Data.copy(m), n / 3, n, 0.1, 0.9, 0.01, 0.5, first));
      same("sgd velocity " + n, 4, m, (k, o) -> k.sgd(Data.copy(theta), grad, o, n / 3, n, 0.1, 0.9, 0.01, 0.5, first));
    }
    same("plain sgd " + n, 4, theta, (k, o) -> k.sgd(o, grad, NULL, n / 3, n, 0.1, 0, 0.01, 0.5, true));
  }
}
