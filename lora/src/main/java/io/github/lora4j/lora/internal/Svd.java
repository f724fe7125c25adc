package io.github.lora4j.lora.internal;

import io.github.lora4j.vector.FormatException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A = U·diag(s)·Vᵀ with k = min(m, n): U [m, k], s descending, Vᵀ [k, n]; U's columns and Vᵀ's rows are orthonormal also where A has not
 * full rank. One-sided Jacobi on the triangle of a QR decomposition (Drmač and Veselić, "New fast and accurate Jacobi SVD algorithm", SIAM
 * J. Matrix Anal. Appl. 29, 2008, without its pivoting): slower than bidiagonalisation, but short, and small singular values are exact
 * too. The signs are fixed: of each column of U, the element of largest magnitude is positive.
 */
public record Svd(Matrix u, double[] s, Matrix vt) {

  private static final int SWEEPS = 60;

  /** Half the rounding of a double: rows whose cosine is no larger count as orthogonal. */
  private static final double ORTHOGONAL = 0x1p-50;

  /** Squares below this have lost their digits. */
  private static final double TINY = 1e-280;

  /**
   * Decomposes.
   *
   * @throws FormatException when an element is not finite
   */
  public static Svd of(Matrix a) {
    if (Arrays.stream(a.data()).anyMatch(x -> !Double.isFinite(x))) {
      throw new FormatException("a weight of %d x %d holds numbers that are not finite, so it has no singular values".formatted(a.rows(),
          a.cols()));
    }
    // To a largest element of one, so that no square is lost.
    double size = Arrays.stream(a.data()).map(Math::abs).max().orElse(0);
    Matrix scaled = size == 0 ? a : new Matrix(a.rows(), a.cols(), Arrays.stream(a.data()).map(x -> x / size).toArray());
    boolean wide = a.rows() < a.cols();
    Svd svd = tall(wide ? scaled.transpose() : scaled);
    double[] s = Arrays.stream(svd.s).map(x -> x * size).toArray();
    return (wide ? new Svd(svd.vt.transpose(), s, svd.u.transpose()) : new Svd(svd.u, s, svd.vt)).signed();
  }

  private static Svd tall(Matrix a) {
    Qr qr = Qr.of(a);
    int n = a.cols();
    // J·R with orthogonal rows is diag(s)·Vᵀ, so R is Jᵀ·diag(s)·Vᵀ.
    double[] rows = qr.r().data().clone();
    double[] j = new double[n * n];
    for (int i = 0; i < n; i++) {
      j[i * n + i] = 1;
    }
    orthogonalise(rows, j, n);
    double[] norms = norms(rows, n);
    int[] order = IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> -norms[i])).mapToInt(i -> i).toArray();
    double[] s = new double[n];
    Matrix vt = Matrix.zeros(n, n);
    Matrix sorted = Matrix.zeros(n, n);
    for (int i = 0; i < n; i++) {
      int from = order[i] * n;
      System.arraycopy(j, from, sorted.data(), i * n, n);
      if (norms[order[i]] * norms[order[i]] > TINY) {
        s[i] = norms[order[i]];
        Matrix.addRow(1 / s[i], rows, from, vt.data(), i * n, n);
      } else {
        complete(vt.data(), i, n);
      }
    }
    return new Svd(qr.q().times(sorted.transpose()), s, vt);
  }

  private static void orthogonalise(double[] rows, double[] j, int n) {
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
      boolean rotated = false;
      double[] squares = Arrays.stream(norms(rows, n)).map(x -> x * x).toArray();
      for (int p = 0; p < n - 1; p++) {
        for (int q = p + 1; q < n; q++) {
          double gamma = Matrix.dot(rows, p * n, rows, q * n, n);
          if (squares[p] < TINY || squares[q] < TINY || Math.abs(gamma) <= ORTHOGONAL * Math.sqrt(squares[p]) * Math.sqrt(squares[q])) {
            continue;
          }
          double zeta = (squares[q] - squares[p]) / (2 * gamma);
          double t = Math.copySign(1, zeta) / (Math.abs(zeta) + Math.hypot(1, zeta));
          double cos = 1 / Math.sqrt(1 + t * t);
          rotate(rows, p * n, q * n, n, cos, cos * t);
          rotate(j, p * n, q * n, n, cos, cos * t);
          squares[p] = Math.max(0, squares[p] - t * gamma);
          squares[q] += t * gamma;
          rotated = true;
        }
      }
      if (!rotated) {
        return;
      }
    }
    throw new IllegalStateException("the singular values of a %d x %d matrix did not converge in %d sweeps".formatted(n, n, SWEEPS));
  }

  private static void rotate(double[] rows, int p, int q, int n, double cos, double sin) {
    for (int i = 0; i < n; i++) {
      double x = rows[p + i];
      double y = rows[q + i];
      rows[p + i] = cos * x - sin * y;
      rows[q + i] = sin * x + cos * y;
    }
  }

  private static double[] norms(double[] rows, int n) {
    return IntStream.range(0, n).mapToDouble(i -> Math.sqrt(Matrix.dot(rows, i * n, rows, i * n, n))).toArray();
  }

  /** Row {@code count} becomes a unit vector orthogonal to those before it. */
  private static void complete(double[] rows, int count, int n) {
    double[] best = new double[n];
    for (int axis = 0; axis < n && Matrix.dot(best, 0, best, 0, n) < 0.5 / n; axis++) {
      Arrays.fill(best, 0);
      best[axis] = 1;
      // Twice, for the first pass leaves what rounding made of it.
      for (int i = 0; i < 2 * count; i++) {
        int row = i % count * n;
        Matrix.addRow(-Matrix.dot(best, 0, rows, row, n), rows, row, best, 0, n);
      }
    }
    Matrix.addRow(1 / Math.sqrt(Matrix.dot(best, 0, best, 0, n)), best, 0, rows, count * n, n);
  }

  private Svd signed() {
    double[] signs = new double[s.length];
    double[] largest = new double[s.length];
    for (int i = 0; i < u.data().length; i++) {
      int c = i % u.cols();
      if (Math.abs(u.data()[i]) > largest[c]) {
        largest[c] = Math.abs(u.data()[i]);
        signs[c] = Math.signum(u.data()[i]);
      }
    }
    return new Svd(u.transpose().scaleRows(signs).transpose(), s, vt.scaleRows(signs));
  }

  /**
   * The first {@code rank} singular values by random projection with power iterations (Halko, Martinsson and Tropp, arXiv 0909.4061,
   * algorithms 4.4 and 5.1), as {@code torch.svd_lowrank}.
   *
   * @param random standard normal [min(m, n), rank]
   */
  public static Svd lowRank(Matrix a, Matrix random, int iterations) {
    if (a.rows() < a.cols()) {
      Svd other = lowRank(a.transpose(), random, iterations);
      return new Svd(other.vt.transpose(), other.s, other.u.transpose()).signed();
    }
    Matrix at = a.transpose();
    Matrix q = Qr.of(a.times(random)).q();
    for (int i = 0; i < iterations; i++) {
      q = Qr.of(a.times(Qr.of(at.times(q)).q())).q();
    }
    Svd small = of(q.transpose().times(a));
    return new Svd(q.times(small.u), small.s, small.vt).signed();
  }

  /** Of a product B·A with few inner columns, without forming it. */
  public static Svd ofProduct(Matrix b, Matrix a) {
    Qr left = Qr.of(b);
    Qr right = Qr.of(a.transpose());
    Svd small = of(left.r().times(right.r().transpose()));
    return new Svd(left.q().times(small.u), small.s, small.vt.times(right.q().transpose())).signed();
  }
}
