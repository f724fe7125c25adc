package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A product as BLAS's SGEMM takes it: C[m, n] = alpha·op(A)[m, k]·op(B)[k, n] + beta·C, all of them by columns. A row-major matrix is the
 * transpose of one by columns, so what is A there is the right operand of {@link Product} and the result comes out row-major.
 *
 * @param m columns of the row-major result
 * @param n its rows
 * @param a first element of the right operand, in weights or in memory
 * @param b first element of the left operand, in memory
 * @param c first element of the result, in memory
 */
record Sgemm(boolean transposeA, boolean transposeB, int m, int n, int k, float alpha, boolean inWeights, int a, int lda, int b, int ldb,
    float beta, int c, int ldc) {

  Sgemm {
    if (lda < Math.max(1, transposeA ? k : m) || ldb < Math.max(1, transposeB ? n : k) || ldc < Math.max(1, m)) {
      throw new IllegalStateException("BLAS refuses the leading dimensions %d, %d, %d of a product of %d x %d x %d".formatted(lda, ldb, ldc,
          m, n, k));
    }
  }

  /** Ints of a descriptor. */
  static final int FIELDS = 14;

  /**
   * Makes a descriptor of out[rows, cols] = alpha·left·right (+ out).
   *
   * @param rows place of the count of rows in ints, like {@code cols} and {@code k}
   * @param leftRow stride of the left operand's rows; that along k is {@code leftK}, and one of the two is 1
   * @param where {@link Moves#IN_MEMORY} or {@link Moves#IN_WEIGHTS}
   * @param alpha place of the factor in memory
   */
  static int[] fields(int rows, int cols, int k, int left, int leftRow, int leftK, int where, int right, int rightK, int rightCol, int alpha,
      boolean add, int out, int width) {
    return new int[] {rows, cols, k, left, leftRow, leftK, where, right, rightK, rightCol, alpha, add ? 1 : 0, out, width};
  }

  /** The call that the descriptor at d asks for, with the counts as they are now. */
  static Sgemm of(int d, IntArray t, IntArray counts, FloatArray memory) {
    int rows = counts.get(t.get(d));
    int cols = counts.get(t.get(d + 1));
    int k = counts.get(t.get(d + 2));
    int leftRow = t.get(d + 4);
    int leftK = t.get(d + 5);
    int rightK = t.get(d + 8);
    int rightCol = t.get(d + 9);
    boolean transposeRight = rightCol != 1;
    boolean transposeLeft = leftK != 1;
    // BLAS wants a leading dimension of the matrix's height at least, also where there is but one column and no step is made.
    return new Sgemm(transposeRight, transposeLeft, cols, rows, k, memory.get(t.get(d + 10)), t.get(d + 6) == Moves.IN_WEIGHTS, t.get(d + 7),
        Math.max(transposeRight ? rightCol : rightK, Math.max(1, transposeRight ? k : cols)), t.get(d + 3),
        Math.max(transposeLeft ? leftK : leftRow, Math.max(1, transposeLeft ? rows : k)), t.get(d + 11), t.get(d + 12), t.get(d + 13));
  }

  /** The same for plain Java. */
  static void plain(int group, int d, IntArray t, IntArray counts, FloatArray memory, FloatArray weights) {
    Sgemm call = of(d, t, counts, memory);
    FloatArray right = call.inWeights ? weights : memory;
    for (int j = 0; j < call.n; j++) {
      for (int i = 0; i < call.m; i++) {
        float sum = 0;
        for (int p = 0; p < call.k; p++) {
          float a = right.get(call.a + (call.transposeA ? p + i * call.lda : i + p * call.lda));
          float b = memory.get(call.b + (call.transposeB ? j + p * call.ldb : p + j * call.ldb));
          sum += a * b;
        }
        int at = call.c + i + j * call.ldc;
        memory.set(at, call.beta == 0 ? call.alpha * sum : call.alpha * sum + call.beta * memory.get(at));
      }
    }
  }
}
