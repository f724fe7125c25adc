package io.github.lora4j.lora.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.FormatException;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** QR and singular value decompositions: what makes them one, on tall, wide, tiny, repeated and degenerate matrices. */
class SvdTest {

  private static final int[][] SHAPES = {{1, 1}, {1, 7}, {7, 1}, {5, 5}, {33, 8}, {8, 33}, {40, 40}, {64, 3}};

  private static Matrix random(int rows, int cols, long seed) {
    return new Matrix(rows, cols, new Random(seed).doubles(rows * cols, -1, 1).toArray());
  }

  private static void close(Matrix expected, Matrix got, double tolerance) {
    assertEquals(expected.rows() + "x" + expected.cols(), got.rows() + "x" + got.cols());
    for (int i = 0; i < expected.data().length; i++) {
      assertEquals(expected.data()[i], got.data()[i], tolerance, "element " + i);
    }
  }

  private static void identity(Matrix got) {
    for (int i = 0; i < got.rows(); i++) {
      for (int j = 0; j < got.cols(); j++) {
        assertEquals(i == j ? 1 : 0, got.at(i, j), 1e-13, i + "," + j);
      }
    }
  }

  private static void check(Matrix a) {
    double size = 0;
    for (double x : a.data()) {
      size = Math.max(size, Math.abs(x));
    }
    Svd svd = Svd.of(a);
    identity(svd.u().transpose().times(svd.u()));
    identity(svd.vt().times(svd.vt().transpose()));
    close(a, svd.u().times(svd.vt().scaleRows(svd.s())), 1e-13 * size * Math.max(a.rows(), a.cols()));
    for (int i = 1; i < svd.s().length; i++) {
      assertTrue(svd.s()[i - 1] >= svd.s()[i] && svd.s()[i] >= 0);
    }
    Qr qr = Qr.of(a);
    identity(qr.q().transpose().times(qr.q()));
    close(a, qr.q().times(qr.r()), 1e-13 * size * Math.max(a.rows(), a.cols()));
    for (int i = 0; i < qr.r().rows(); i++) {
      for (int j = 0; j < Math.min(i, qr.r().cols()); j++) {
        assertEquals(0, qr.r().at(i, j));
      }
    }
  }

  @Test
  void everyShape() {
    for (int[] shape : SHAPES) {
      check(random(shape[0], shape[1], shape[0] * 100L + shape[1]));
    }
  }

  @Test
  void degenerateMatrices() {
    check(Matrix.zeros(6, 4));
    check(Matrix.zeros(4, 6));
    check(random(12, 2, 1).times(random(2, 9, 2)));
    check(random(9, 2, 1).times(random(2, 12, 2)));
    Matrix equal = Matrix.zeros(5, 5);
    java.util.Arrays.fill(equal.data(), 3);
    check(equal);
    identityMatrix(7);
    check(new Matrix(3, 3, new double[] {0, 0, 1, 0, 0, 0, 0, 0, 0}));
    check(new Matrix(2, 2, random(2, 2, 3).plus(1e100, random(2, 2, 4)).data()));
    check(new Matrix(4, 3, java.util.Arrays.stream(random(4, 3, 5).data()).map(x -> x * 1e-100).toArray()));
  }

  private static void identityMatrix(int n) {
    Matrix identity = Matrix.zeros(n, n);
    for (int i = 0; i < n; i++) {
      identity.data()[i * n + i] = 1;
    }
    check(identity);
  }

  @Test
  void knownSingularValues() {
    // [[3, 0], [4, 5]] has 3√5 and √5.
    double[] s = Svd.of(new Matrix(2, 2, new double[] {3, 0, 4, 5})).s();
    assertEquals(3 * Math.sqrt(5), s[0], 1e-14);
    assertEquals(Math.sqrt(5), s[1], 1e-14);
  }

  /** Planted: singular values over twelve orders of magnitude come back, each relative to itself. */
  @Test
  void smallSingularValues() {
    int n = 13;
    double[] planted = new double[n];
    for (int i = 0; i < n; i++) {
      planted[i] = Math.pow(10, -i);
    }
    Matrix diagonal = Matrix.zeros(n, n);
    for (int i = 0; i < n; i++) {
      diagonal.data()[i * n + i] = 1;
    }
    double[] s = Svd.of(Qr.of(random(30, n, 8)).q().times(diagonal.scaleRows(planted)).times(Qr.of(random(n, n, 9)).q())).s();
    for (int i = 0; i < n; i++) {
      assertEquals(planted[i], s[i], 1e-15 + 1e-4 * planted[i], "value " + i);
    }
  }

  @Test
  void aProductNeedNotBeFormed() {
    Matrix b = random(20, 4, 1);
    Matrix a = random(4, 30, 2);
    Svd whole = Svd.of(b.times(a));
    Svd product = Svd.ofProduct(b, a);
    for (int i = 0; i < 4; i++) {
      assertEquals(whole.s()[i], product.s()[i], 1e-12);
    }
    close(b.times(a), product.u().times(product.vt().scaleRows(product.s())), 1e-12);
  }

  @Test
  void randomProjectionFindsTheFirst() {
    Matrix a = random(40, 5, 1).times(random(5, 25, 2)).plus(1e-6, random(40, 25, 3));
    for (Matrix shape : new Matrix[] {a, a.transpose()}) {
      Svd exact = Svd.of(shape);
      Svd found = Svd.lowRank(shape, random(25, 5, 4), 4);
      close(exact.u().transpose().rows(0, 5), found.u().transpose(), 1e-6);
      close(exact.vt().rows(0, 5), found.vt(), 1e-6);
    }
  }

  @Test
  void numbersThatAreNone() {
    assertThrows(FormatException.class, () -> Svd.of(new Matrix(1, 2, new double[] {1, Double.NaN})));
    assertThrows(FormatException.class, () -> Svd.of(new Matrix(1, 2, new double[] {1, Double.POSITIVE_INFINITY})));
  }
}
