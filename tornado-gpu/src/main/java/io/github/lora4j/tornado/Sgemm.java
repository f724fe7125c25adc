package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.Blas;
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

  /** The call that the descriptor at d asks for, with the counts as they are now. */
  static Sgemm of(int d, IntArray t, IntArray counts, FloatArray memory) {
    int rows = counts.get(t.get(d + Blas.ROWS));
    int cols = counts.get(t.get(d + Blas.COLS));
    int k = counts.get(t.get(d + Blas.K));
    int leftRow = t.get(d + Blas.LEFT_ROW);
    int leftK = t.get(d + Blas.LEFT_K);
    int rightK = t.get(d + Blas.RIGHT_K);
    int rightCol = t.get(d + Blas.RIGHT_COL);
    boolean transposeRight = rightCol != 1;
    boolean transposeLeft = leftK != 1;
    // BLAS wants a leading dimension of the matrix's height at least, also where there is but one column and no step is made.
    return new Sgemm(transposeRight, transposeLeft, cols, rows, k, memory.get(t.get(d + Blas.ALPHA)), t.get(d + Blas.WHERE) == Moves.IN_WEIGHTS,
        t.get(d + Blas.RIGHT), Math.max(transposeRight ? rightCol : rightK, Math.max(1, transposeRight ? k : cols)), t.get(d + Blas.LEFT),
        Math.max(transposeLeft ? leftK : leftRow, Math.max(1, transposeLeft ? rows : k)), t.get(d + Blas.ADD), t.get(d + Blas.OUT),
        t.get(d + Blas.WIDTH));
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
