package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * NT and NN with small k, such as LoRA's second product: each row of C is a sum of k rows of B, made while the row lies in the first
 * cache, so that C is read and written once. B is transposed at each call where it must be, and else read where it lies.
 */
final class ShallowGemm implements Gemm {

  /** Deepest product that is done here: from there on a tile's loop is long enough to pay for its call. */
  static final int MOST_DEPTH = Lanes.MANY_REGISTERS ? 16 : 24;
  private static final int BLOCK_ROWS = 64;
  /** Columns at a time, so that the rows of B stay in the first cache. */
  private static final int BLOCK_COLUMNS = 512;
  private static final long TASK_WORK = 1 << 18;

  private final Spec spec;
  private final MemorySegment a;
  private final MemorySegment source;
  private final MemorySegment bias;
  private final MemorySegment c;
  private final MemorySegment scratch;
  private final MemorySegment right;
  private final MemorySegment base;
  private final long rightStart;
  private final long baseStride;
  private final boolean biased;
  private final int n;
  private final int k;
  private final float alpha;
  private final Workers.Task task = (index, worker) -> multiply(index);

  private int rows;
  private int blockRows;

  ShallowGemm(Spec spec, Operands operands) {
    this.spec = spec;
    a = operands.a();
    source = operands.b();
    bias = operands.bias();
    c = operands.c();
    scratch = operands.scratch();
    n = spec.n();
    k = spec.k();
    alpha = (float) spec.alpha();
    boolean transposed = spec.form() == Form.NT;
    right = transposed ? scratch : source;
    rightStart = transposed ? zeroBytes(spec) : 0;
    boolean hasAddend = VectorGemms.present(operands.addend());
    boolean hasBias = VectorGemms.present(bias);
    biased = hasAddend && hasBias;
    base = hasAddend ? operands.addend() : hasBias ? bias : scratch;
    baseStride = hasAddend ? bytes(n) : 0;
  }

  static boolean suits(Spec spec) {
    return !spec.packed() && spec.form() != Form.TN && spec.k() <= MOST_DEPTH;
  }

  /** A row of zeros, what C starts from without bias and addend, and the transpose. */
  static long scratchBytes(Spec spec) {
    return zeroBytes(spec) + (spec.form() == Form.NT ? Memory.align(bytes((long) spec.n() * spec.k())) : 0);
  }

  private static long zeroBytes(Spec spec) {
    return Memory.align(bytes(spec.n()));
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, scratchBytes(spec));
    if (rows == 0) {
      return;
    }
    scratch.asSlice(0, zeroBytes(spec)).fill((byte) 0);
    if (spec.form() == Form.NT) {
      Transpose.pack(source, 0, bytes(k), n, scratch, rightStart, n, k);
    }
    this.rows = rows;
    long tasks = Math.min(4L * workers.threads(), 1 + (long) rows * n * k / TASK_WORK);
    blockRows = Math.max(1, Math.min(BLOCK_ROWS, (int) ((rows + tasks - 1) / tasks)));
    workers.run((rows + blockRows - 1) / blockRows, task);
  }

  private void multiply(int index) {
    int firstRow = index * blockRows;
    int endRow = Math.min(rows, firstRow + blockRows);
    for (int column = 0; column < n; column += BLOCK_COLUMNS) {
      int columns = Math.min(BLOCK_COLUMNS, n - column);
      for (int row = firstRow; row < endRow; row++) {
        row(row, column, columns);
      }
    }
  }

  /** A piece of a row: eight rows of B at a time as long as there are eight. */
  private void row(int row, int column, int columns) {
    long to = bytes((long) row * n + column);
    long at = bytes((long) row * k);
    long rowBytes = bytes(n);
    MemorySegment from = base;
    long start = row * baseStride + bytes(column);
    int p = 0;
    while (p < k) {
      long b = rightStart + p * rowBytes + bytes(column);
      long u = at + bytes(p);
      if (k - p >= 8) {
        RowSums.eight(a, u, alpha, right, b, rowBytes, from, start, c, to, columns);
        p += 8;
      } else if (k - p >= 4) {
        RowSums.four(a, u, alpha, right, b, rowBytes, from, start, c, to, columns);
        p += 4;
      } else {
        RowSums.one(a, u, alpha, right, b, from, start, c, to, columns);
        p++;
      }
      from = c;
      start = to;
    }
    if (biased) {
      Epilogue.addRow(bias, bytes(column), 1, columns, c, to, rowBytes);
    }
  }
}
