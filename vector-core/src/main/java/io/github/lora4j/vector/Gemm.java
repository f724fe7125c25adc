package io.github.lora4j.vector;

import java.lang.foreign.MemorySegment;

/** One matrix product, prepared once and run at every step with the rows that are live then. */
public interface Gemm {

  /** Which operands are transposed, in BLAS terms, all row-major. C is [m, n]; k is summed over. */
  enum Form {
    /** C[m,n] = α·A[m,k]·B[n,k]ᵀ + bias + addend: a linear layer's forward pass. Rows are m. */
    NT,
    /** C[m,n] = α·A[m,k]·B[k,n] + bias + addend: the gradient of a linear layer's input. Rows are m. */
    NN,
    /** C[m,n] += α·A[k,m]ᵀ·B[k,n]: the gradient of a weight, added to what C holds. Rows are k. */
    TN
  }

  /**
   * Shape of a product.
   *
   * @param rows the most rows it will see: m for NT and NN, k for TN
   * @param m rows of C; ignored for NT and NN, where the live rows are m
   * @param n columns of C
   * @param k summed dimension; ignored for TN, where the live rows are k
   * @param storage format of packed panels; not looked at when B is not packed
   * @param packed B is the panels that {@link Kernels#pack} wrote
   */
  record Spec(Form form, int rows, int m, int n, int k, double alpha, boolean packed, WeightFormat storage) {}

  /**
   * The segments of a product. C may be the same segment as the addend.
   *
   * @param bias [n], or NULL
   * @param addend [m, n], or NULL
   * @param scratch at least {@link Kernels#gemmScratchBytes}; may be shared by products that do not run at the same time
   */
  record Operands(MemorySegment a, MemorySegment b, MemorySegment bias, MemorySegment addend, MemorySegment c, MemorySegment scratch) {}

  /** What follows on elements of C, while they are in cache. */
  @FunctionalInterface
  interface Then {
    /** Nothing follows. */
    Then NOTHING = (from, to) -> { };

    /** Elements [from, to) of C, counted row by row, have their values; called by the worker that gave them. */
    void run(long from, long to);
  }

  /** Runs the product for the first {@code rows} rows. The bits do not depend on the number of workers. */
  void run(Workers workers, int rows);
}
