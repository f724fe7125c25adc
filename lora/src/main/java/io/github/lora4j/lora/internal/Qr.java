package io.github.lora4j.lora.internal;

/**
 * A = Q·R by Householder reflections, with k = min(m, n): Q [m, k] has orthonormal columns even where A has not full rank, R [k, n] is
 * upper triangular (Golub and Van Loan, "Matrix Computations", 5.2). Signs are not normalised.
 */
public record Qr(Matrix q, Matrix r) {

  /** Decomposes. */
  public static Qr of(Matrix a) {
    int m = a.rows();
    int n = a.cols();
    int k = Math.min(m, n);
    // Columns as rows, so that all loops run along memory.
    double[] columns = a.transpose().data();
    double[] reflectors = new double[k * m];
    for (int j = 0; j < k; j++) {
      reflector(columns, j, m, reflectors);
      for (int c = j; c < n; c++) {
        reflect(reflectors, j, m, columns, c);
      }
    }
    Matrix r = Matrix.zeros(k, n);
    for (int i = 0; i < k; i++) {
      for (int c = i; c < n; c++) {
        r.data()[i * n + c] = columns[c * m + i];
      }
    }
    double[] q = new double[k * m];
    for (int c = 0; c < k; c++) {
      q[c * m + c] = 1;
      for (int j = k - 1; j >= 0; j--) {
        reflect(reflectors, j, m, q, c);
      }
    }
    return new Qr(new Matrix(k, m, q).transpose(), r);
  }

  /** The unit vector v whose reflection I − 2vvᵀ maps column j, from row j on, to its first axis; zero where nothing is to do. */
  private static void reflector(double[] columns, int j, int m, double[] reflectors) {
    int at = j * m + j;
    double largest = 0;
    for (int i = 0; i < m - j; i++) {
      largest = Math.max(largest, Math.abs(columns[at + i]));
    }
    if (largest == 0) {
      return;
    }
    // By the largest element, as squares of very small or very large numbers would be lost.
    for (int i = 0; i < m - j; i++) {
      reflectors[at + i] = columns[at + i] / largest;
    }
    reflectors[at] += Math.copySign(Math.sqrt(Matrix.dot(reflectors, at, reflectors, at, m - j)), reflectors[at]);
    double norm = Math.sqrt(Matrix.dot(reflectors, at, reflectors, at, m - j));
    for (int i = 0; i < m - j; i++) {
      reflectors[at + i] /= norm;
    }
  }

  private static void reflect(double[] reflectors, int j, int m, double[] columns, int c) {
    double dot = Matrix.dot(reflectors, j * m + j, columns, c * m + j, m - j);
    Matrix.addRow(-2 * dot, reflectors, j * m + j, columns, c * m + j, m - j);
  }
}
