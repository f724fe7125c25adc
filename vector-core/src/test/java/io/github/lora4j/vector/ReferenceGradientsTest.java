package io.github.lora4j.vector;

import static java.lang.foreign.MemorySegment.NULL;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every gradient in F64 against differences of its forward function: d(Σ y·dy)/dx. */
class ReferenceGradientsTest {
  private static final double STEP = 1e-5;
  private final Kernels kernels = new ReferenceKernels(DType.F64);
  private final Data data = new Data(DType.F64, 11);

  /** Compares {@code gradient} of Σ y·dy with respect to x, where {@code forward} reads x and writes y. */
  private void check(MemorySegment x, MemorySegment gradient, MemorySegment y, MemorySegment dy, Runnable forward) {
    for (long i = 0; i < x.byteSize() / 8; i++) {
      double at = x.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
      double[] sums = new double[2];
      for (int side = 0; side < 2; side++) {
        x.setAtIndex(ValueLayout.JAVA_DOUBLE, i, side == 0 ? at + STEP : at - STEP);
        forward.run();
        for (long j = 0; j < y.byteSize() / 8; j++) {
          sums[side] += y.getAtIndex(ValueLayout.JAVA_DOUBLE, j) * dy.getAtIndex(ValueLayout.JAVA_DOUBLE, j);
        }
      }
      x.setAtIndex(ValueLayout.JAVA_DOUBLE, i, at);
      double difference = (sums[0] - sums[1]) / (2 * STEP);
      assertEquals(difference, gradient.getAtIndex(ValueLayout.JAVA_DOUBLE, i), 1e-7 * (1 + Math.abs(difference)), "element " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(Activation.class)
  void activations(Activation f) {
    MemorySegment x = data.normal(20);
    MemorySegment dy = data.normal(20);
    MemorySegment y = data.zeros(20);
    MemorySegment dx = data.zeros(20);
    kernels.activationGrad(f, x, dy, dx, 0, 20);
    check(x, dx, y, dy, () -> kernels.activation(f, x, y, 0, 20));
  }

  @Test
  void layerNorm() {
    MemorySegment x = data.normal(15);
    MemorySegment gamma = data.normal(5);
    MemorySegment beta = data.normal(5);
    MemorySegment stats = data.zeros(6);
    MemorySegment y = data.zeros(15);
    MemorySegment dy = data.normal(15);
    Runnable forward = () -> kernels.layerNorm(x, gamma, beta, y, stats, 5, 1e-5, 0, 3);
    forward.run();
    MemorySegment dx = data.zeros(15);
    MemorySegment dGamma = data.zeros(5);
    MemorySegment dBeta = data.zeros(5);
    kernels.layerNormGrad(dy, x, stats, gamma, NULL, dx, 5, 0, 3);
    kernels.layerNormParamGrad(dy, x, stats, dGamma, dBeta, 0, 5, 0, 3);
    check(x, dx, y, dy, forward);
    check(gamma, dGamma, y, dy, forward);
    check(beta, dBeta, y, dy, forward);
  }

  @Test
  void rowsAndRanges() {
    MemorySegment x = data.normal(18);
    MemorySegment y = data.zeros(18);
    MemorySegment dy = data.normal(18);
    MemorySegment dx = data.zeros(18);
    MemorySegment norms = data.zeros(6);
    Runnable unit = () -> kernels.l2Normalize(x, y, norms, 3, 1e-12, 0, 6);
    unit.run();
    kernels.l2NormalizeGrad(dy, y, norms, dx, 3, 0, 6);
    check(x, dx, y, dy, unit);

    MemorySegment ranges = Data.ints(0, 2, 2, 0, 2, 4);
    MemorySegment means = data.zeros(9);
    MemorySegment dMeans = data.normal(9);
    kernels.rangeSumGrad(dMeans, ranges, true, NULL, dx, 3, 0, 3);
    check(x, dx, means, dMeans, () -> kernels.rangeSum(x, ranges, true, means, 3, 0, 3));

    MemorySegment ids = Data.ints(2, 0, -1, 2, 5, 2);
    MemorySegment table = data.zeros(18);
    kernels.scatterAdd(dy, new Kernels.ScatterIndex(Data.ints(0, 2, 5), Data.ints(0, 1, 4, 5), Data.ints(1, 0, 3, 5, 4)), false, table, 3, 0, 3);
    check(x, table, y, dy, () -> kernels.gather(new Kernels.Table(x, WeightFormat.F64, NULL), ids, NULL, y, 3, 0, 6));

    MemorySegment keys = Data.ints(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    Consumer<MemorySegment[]> drop = s -> kernels.dropout(s[0], keys, Data.ints(1, 2, 3), 9, 0.4, s[1], 3, 0, 6);
    drop.accept(new MemorySegment[] {dy, dx});
    check(x, dx, y, dy, () -> drop.accept(new MemorySegment[] {x, y}));
  }

  /** Causal or not, with and without a window, a cap and a bias. */
  @ParameterizedTest
  @CsvSource({"false, 0, 0, false", "true, 0, 0, false", "false, 2, 0, false", "true, 2, 0, false", "true, 0, 0.8, false", "false, 0, 0, true",
      "true, 3, 1.5, true"})
  void attention(boolean causal, int window, float softCap, boolean biased) {
    AttentionSpec spec = new AttentionSpec(4, 2, 3, 0.7f, causal, window, softCap);
    MemorySegment q = data.normal(4 * 12);
    MemorySegment k = data.normal(5 * 6);
    MemorySegment v = data.normal(5 * 6);
    MemorySegment table = data.normal(13 * 4);
    AttentionSpec.Bias bias = biased ? new AttentionSpec.Bias(table, 6) : AttentionSpec.Bias.NONE;
    MemorySegment out = data.zeros(4 * 12);
    MemorySegment lse = data.zeros(4 * 4);
    MemorySegment dout = data.normal(4 * 12);
    // The first query sees no key when causal.
    Runnable forward = () -> {
      for (int head = 0; head < 4; head++) {
        kernels.attention(spec, q, k, v, bias, out, lse, 0, 4, 0, 5, -1, head, NULL);
      }
    };
    forward.run();
    MemorySegment dq = data.normal(4 * 12);
    MemorySegment dk = data.normal(5 * 6);
    MemorySegment dv = data.normal(5 * 6);
    for (int head = 0; head < 2; head++) {
      kernels.attentionGrad(spec, q, k, v, bias, lse, dout, dq, dk, dv, 0, 4, 0, 5, -1, head, NULL);
    }
    check(q, dq, out, dout, forward);
    check(k, dk, out, dout, forward);
    check(v, dv, out, dout, forward);
    if (biased) {
      MemorySegment dBias = data.zeros(13 * 4);
      for (int head = 0; head < 4; head++) {
        kernels.attentionBiasGrad(spec, q, k, v, bias, lse, dout, new AttentionSpec.Bias(dBias, 6), 0, 4, 0, 5, -1, head, NULL);
      }
      check(table, dBias, out, dout, forward);
    }
  }

  /** Vectors by distance, alone and with all else. */
  @ParameterizedTest
  @CsvSource({"false, 0, 0, false", "true, 3, 1.5, true"})
  void attentionByDistance(boolean causal, int window, float softCap, boolean biased) {
    AttentionSpec spec = new AttentionSpec(2, 2, 3, 0.7f, causal, window, softCap);
    MemorySegment q = data.normal(4 * 6);
    MemorySegment k = data.normal(5 * 6);
    MemorySegment v = data.normal(5 * 6);
    AttentionSpec.Bias bias = new AttentionSpec.Bias(biased ? data.normal(13 * 2) : NULL, data.normal(13 * 6), data.normal(13 * 6), 6);
    MemorySegment out = data.zeros(4 * 6);
    MemorySegment lse = data.zeros(4 * 2);
    MemorySegment dout = data.normal(4 * 6);
    Runnable forward = () -> {
      for (int head = 0; head < 2; head++) {
        kernels.attention(spec, q, k, v, bias, out, lse, 0, 4, 0, 5, -1, head, NULL);
      }
    };
    forward.run();
    MemorySegment dq = data.normal(4 * 6);
    MemorySegment dk = data.normal(5 * 6);
    AttentionSpec.Bias dBias = new AttentionSpec.Bias(biased ? data.zeros(13 * 2) : NULL, data.zeros(13 * 6), data.zeros(13 * 6), 6);
    for (int head = 0; head < 2; head++) {
      kernels.attentionGrad(spec, q, k, v, bias, lse, dout, dq, dk, NULL, 0, 4, 0, 5, -1, head, NULL);
      kernels.attentionBiasGrad(spec, q, k, v, bias, lse, dout, dBias, 0, 4, 0, 5, -1, head, NULL);
    }
    check(q, dq, out, dout, forward);
    check(k, dk, out, dout, forward);
    check(bias.keys(), dBias.keys(), out, dout, forward);
    check(bias.queries(), dBias.queries(), out, dout, forward);
    if (biased) {
      check(bias.table(), dBias.table(), out, dout, forward);
    }
  }

  @ParameterizedTest
  @EnumSource(Loss.class)
  void losses(Loss loss) {
    MemorySegment z = data.normal(12);
    MemorySegment labels = loss == Loss.CROSS_ENTROPY ? Data.ints(2, -100, 0) : data.normal(12);
    MemorySegment rowLoss = data.zeros(3);
    MemorySegment dz = data.normal(12);
    kernels.lossGrad(loss, z, labels, dz, 4, 0, 3);
    check(z, dz, rowLoss, Data.doubles(1, 1, 1), () -> kernels.loss(loss, z, labels, rowLoss, 4, 0, 3));
  }

  @Test
  void inBatchNegatives() {
    MemorySegment a = data.normal(12);
    MemorySegment b = data.normal(12);
    MemorySegment probs = data.zeros(15);
    MemorySegment rowLoss = data.zeros(3);
    Runnable forward = () -> kernels.inBatchNegatives(a, b, probs, 5, rowLoss, 2.5, 3, 4, 0, 3);
    forward.run();
    MemorySegment da = data.zeros(12);
    MemorySegment db = data.zeros(12);
    kernels.inBatchNegativesGrad(probs, 5, b, false, 2.5, da, 3, 4, 0, 3);
    kernels.inBatchNegativesGrad(probs, 5, a, true, 2.5, db, 3, 4, 0, 3);
    check(a, da, rowLoss, Data.doubles(1, 1, 1), forward);
    check(b, db, rowLoss, Data.doubles(1, 1, 1), forward);
  }
}
