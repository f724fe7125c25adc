package io.github.lora4j.bench.peers;

import java.util.Random;
import java.util.stream.IntStream;

/** Operands of a product, and the product itself in F64, against which every library is checked before it is timed. */
final class Reference {

  /** Four digits: sums of thousands of F32 products differ by their order in the sixth, BF16 or TF32 would differ in the third. */
  static final double TOLERANCE = 1e-4;

  final int m;
  final int n;
  final int k;
  final float[] x;
  final float[] w;
  private final double[] y;
  private final double largest;

  /** {@code shape} is m x n x k; X is [m, k] and W [n, k], uniform in [-0.5, 0.5). */
  Reference(String shape) {
    String[] sizes = shape.split("x");
    m = Integer.parseInt(sizes[0]);
    n = Integer.parseInt(sizes[1]);
    k = Integer.parseInt(sizes[2]);
    x = uniform(m * k);
    w = uniform(n * k);
    float[] transposed = new float[n * k];
    for (int j = 0; j < n; j++) {
      for (int p = 0; p < k; p++) {
        transposed[p * n + j] = w[j * k + p];
      }
    }
    y = new double[m * n];
    IntStream.range(0, m).parallel().forEach(i -> row(i, transposed));
    double max = 0;
    for (double value : y) {
      max = Math.max(max, Math.abs(value));
    }
    largest = max;
  }

  /** Y[i, :] = sum over p of X[i, p] W[:, p]: rows of the transposed W, so that the JIT vectorises it. */
  private void row(int i, float[] transposed) {
    double[] sum = new double[n];
    for (int p = 0; p < k; p++) {
      add(x[i * k + p], transposed, p * n, sum);
    }
    System.arraycopy(sum, 0, y, i * n, n);
  }

  private static void add(double scale, float[] row, int offset, double[] sum) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += scale * row[offset + j];
    }
  }

  private static float[] uniform(int count) {
    float[] values = new float[count];
    Random random = new Random(count);
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  double flops() {
    return 2.0 * m * n * k;
  }

  /** The largest difference of any element, relative to the largest element of Y; NaN or a wrong length is infinitely wrong. */
  double error(float[] result) {
    if (result.length != y.length) {
      return Double.POSITIVE_INFINITY;
    }
    double max = 0;
    for (int i = 0; i < y.length; i++) {
      double difference = Math.abs(result[i] - y[i]);
      if (Double.isNaN(difference)) {
        return Double.POSITIVE_INFINITY;
      }
      max = Math.max(max, difference);
    }
    return max / largest;
  }
}
