package io.github.lora4j.vector;

import static java.lang.foreign.MemorySegment.NULL;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The oracle against numbers worked out by hand. */
class ReferenceKernelsTest {
  private final Kernels kernels = new ReferenceKernels(DType.F64);

  @Test
  void productsOfEveryForm() {
    MemorySegment a = Data.doubles(1, 2, 3, 4, 5, 6);
    MemorySegment b = Data.doubles(1, 0, 2, -1, 3, 1);
    MemorySegment bias = Data.doubles(10, 20);
    assertArrayEquals(new double[] {24, 48, 44, 54}, product(new Gemm.Spec(Gemm.Form.NT, 2, 0, 2, 3, 2, false, WeightFormat.F64), a, b, bias,
        Data.doubles(0, 12, 2, 0), 4, 2));
    assertArrayEquals(new double[] {5 + 9, -2 + 6, 11 + 9, -4 + 6, 0, 0}, product(new Gemm.Spec(Gemm.Form.NN, 3, 0, 2, 2, 1, false,
        WeightFormat.F64), a, Data.doubles(1, 0, 2, -1), Data.doubles(9, 6), NULL, 6, 2));
    assertArrayEquals(new double[] {7, -3, 10, -4}, product(new Gemm.Spec(Gemm.Form.TN, 3, 2, 2, 0, 1, false, WeightFormat.F64), a,
        Data.doubles(1, 0, 2, -1, 3, 1), NULL, NULL, 4, 2));
  }

  private double[] product(Gemm.Spec spec, MemorySegment a, MemorySegment b, MemorySegment bias, MemorySegment addend, int size, int rows) {
    MemorySegment c = Data.doubles(new double[size]);
    try (Workers workers = new Workers(2)) {
      kernels.gemm(spec, new Gemm.Operands(a, b, bias, addend, c, NULL)).run(workers, rows);
    }
    return Data.doubles(c);
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"F32", "F64", "F16", "BF16"})
  void packedOperandsAreConvertedOnce(DType storage) {
    MemorySegment panels = new Data(storage, 1).zeros(6);
    kernels.pack(2, 3, Data.doubles(1, 0, 2, -1, 3, 0.5), panels, new Elements(storage));
    assertEquals(panels.byteSize(), kernels.packedBytes(2, 3, new Elements(storage)));
    assertArrayEquals(new double[] {7, 6.5}, product(new Gemm.Spec(Gemm.Form.NT, 1, 0, 2, 3, 1, true, new Elements(storage)), Data.doubles(1, 2, 3),
        panels, NULL, NULL, 2, 1), 0);
  }

  @Test
  void activationsAtKnownPoints() {
    assertEquals(0.8413447460685429, at(Activation.GELU, 1), 1e-15);
    assertEquals(-5 * 2.866515718791939e-7, at(Activation.GELU, -5), 1e-20);
    assertEquals(0.8411919906082768, at(Activation.GELU_TANH, 1), 1e-15);
    assertEquals(2 / (1 + Math.exp(-2)), at(Activation.SILU, 2), 1e-15);
    assertEquals(0, at(Activation.RELU, -3));
    assertEquals(Double.NaN, at(Activation.RELU, Double.NaN));
    assertEquals(0.7615941559557649, at(Activation.TANH, 1), 1e-15);
    assertEquals(1, at(Activation.SIGMOID, 1000));
  }

  private double at(Activation f, double x) {
    MemorySegment out = Data.doubles(x);
    kernels.activation(f, out, out, 0, 1);
    return Data.doubles(out)[0];
  }

  @Test
  void lossesOfLargeLogits() {
    MemorySegment loss = Data.doubles(0, 0);
    kernels.loss(Loss.CROSS_ENTROPY, Data.doubles(1e4, 0, -1e4, 7), Data.ints(1, -100), loss, 2, 0, 2);
    assertArrayEquals(new double[] {1e4, 0}, Data.doubles(loss));
    kernels.loss(Loss.BCE_WITH_LOGITS, Data.doubles(1e4, -1e4), Data.doubles(1, 1), loss, 1, 0, 2);
    assertArrayEquals(new double[] {0, 1e4}, Data.doubles(loss));
    kernels.loss(Loss.MSE, Data.doubles(1, 2, 3, 4), Data.doubles(0, 0, 3, 2), loss, 2, 0, 2);
    assertArrayEquals(new double[] {5, 4}, Data.doubles(loss));
    assertEquals(1, kernels.targets(Loss.CROSS_ENTROPY, Data.ints(1, -100), 2, 0, 2));
    assertEquals(6, kernels.targets(Loss.MSE, Data.doubles(0), 3, 0, 2));
  }

  @Test
  void aLabelOutsideItsRangeNamesRowAndValue() {
    for (Kernels each : new Kernels[] {new ReferenceKernels(DType.F32), new VectorKernels()}) {
      for (int label : new int[] {-1, 3, -99}) {
        MemorySegment labels = Data.ints(0, label);
        MemorySegment rows = Data.floats(new float[6]);
        ConfigException e = assertThrows(ConfigException.class, () -> each.loss(Loss.CROSS_ENTROPY, rows, labels, rows, 3, 0, 2));
        assertTrue(e.getMessage().contains("row 1 is " + label + ", expected 0 to 2"), e.getMessage());
        assertThrows(ConfigException.class, () -> each.lossGrad(Loss.CROSS_ENTROPY, rows, labels, rows, 3, 0, 2));
        assertThrows(ConfigException.class, () -> each.targets(Loss.CROSS_ENTROPY, labels, 3, 0, 2));
      }
    }
  }

  @Test
  void dropoutKeepsTheExpectedShareAndScales() {
    int n = 40_000;
    double[] ones = new double[n];
    java.util.Arrays.fill(ones, 1);
    MemorySegment out = Data.doubles(new double[n]);
    kernels.dropout(Data.doubles(ones), Data.ints(3, 4), Data.ints(1, 2, 3), 5, 0.25, out, n, 0, 1);
    double kept = 0;
    for (double value : Data.doubles(out)) {
      assertTrue(value == 0 || value == 1 / 0.75);
      kept += value == 0 ? 0 : 1;
    }
    // Five standard deviations of a binomial.
    assertEquals(0.75, kept / n, 5 * Math.sqrt(0.75 * 0.25 / n));
  }

  @Test
  void refusesOtherTypes() {
    assertThrows(ConfigException.class, () -> new ReferenceKernels(DType.BF16));
  }

  /** Values worked out by hand. */
  @Test
  void smallMatricesOfAdapters() {
    MemorySegment factor = Data.doubles(9, 9, 9, 9);
    assertEquals(5, kernels.gramPenalty(Data.doubles(1, 3, 4, 1), 2.5, factor, 2));
    assertArrayEquals(new double[] {0, 3, 4, 0}, Data.doubles(factor));
    assertEquals(0, kernels.gramPenalty(Data.doubles(1, 0, 0, 1), 2.5, factor, 2));
    assertArrayEquals(new double[4], Data.doubles(factor), "no direction where the penalty is 0");
    MemorySegment theta = Data.doubles(1, Double.NaN, -2, 4);
    kernels.mask(theta, Data.doubles(0, -0.0, 1, 0), 0, 3);
    assertArrayEquals(new double[] {0, 0, -2, 4}, Data.doubles(theta));
    // W = [[3, 4]], B = [[2]], A = [[1, 0]], s = 1/2: W + sBA = [[4, 4]].
    MemorySegment inverse = Data.doubles(7, 7);
    kernels.doraNorm(Data.doubles(5, 5), Data.doubles(3, 3), Data.doubles(2, 2), Data.doubles(2, 2), 0.5, inverse, 1, 2, 1, 2);
    assertArrayEquals(new double[] {7, 1 / Math.sqrt(32)}, Data.doubles(inverse));
    MemorySegment scores = Data.doubles(1, 1);
    kernels.columnScores(Data.doubles(1, 2, 3, 4), Data.doubles(1, 1, 1, 0), scores, true, 2, 2);
    assertArrayEquals(new double[] {3, 2}, Data.doubles(scores));
  }

  @Test
  void layouts() {
    MemorySegment wide = Data.doubles(0, 1, 2, 3, 4, 5, 6, 7);
    MemorySegment part = Data.doubles(9, 9, 9, 9);
    kernels.copyColumns(new Kernels.Part(wide, 4, 1), new Kernels.Part(part, 2, 0), 2, 0, 2);
    assertArrayEquals(new double[] {1, 2, 5, 6}, Data.doubles(part));
    MemorySegment spread = Data.doubles(9, 9, 9, 9);
    MemorySegment spans = Data.ints(0, 2, 3, 1, 1, 0);
    kernels.spread(new Kernels.Part(wide, 4, 0), spans, -1, spread, 2, 0, 2);
    assertArrayEquals(new double[] {3, 7, 4, -1}, Data.doubles(spread));
    MemorySegment back = Data.doubles(new double[8]);
    kernels.collect(spread, spans, new Kernels.Part(back, 4, 0), 2, 0, 2);
    assertArrayEquals(new double[] {0, 0, 0, 3, 4, 0, 0, 7}, Data.doubles(back));
    MemorySegment unfolded = Data.doubles(new double[8]);
    kernels.unfold(Data.doubles(1, 2, 3, 4), Data.ints(-1, 0, 0, 1), unfolded, 2, 2, 0, 2);
    assertArrayEquals(new double[] {0, 1, 0, 2, 1, 3, 2, 4}, Data.doubles(unfolded));
    MemorySegment folded = Data.doubles(new double[4]);
    kernels.fold(Data.doubles(10, 20, 30, 40, 50, 60, 70, 80), Data.ints(1, 0, -1, 1), folded, 2, 2, 0, 2);
    assertArrayEquals(new double[] {50 + 20, 70 + 40, 60, 80}, Data.doubles(folded));
  }
}
