package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * TN: C += α·Aᵀ·B over the live rows. Tasks cut C alone and each goes over all rows, {@value #DEPTH} at a time, so that no sums are
 * shared. Each block of rows is packed, A as [DEPTH][8] pieces and B as panels, into the worker's scratch. Where C is narrow (the
 * gradient of LoRA's B) the roles change and the tile is added to C transposed, which keeps all lanes busy.
 */
final class OuterGemm implements Gemm {

  private static final int ROWS = PanelTiles.ROWS;
  private static final int COLUMNS = PanelTiles.COLUMNS;
  /** Rows of A and B that one pass sums. Decides the bits. */
  private static final int DEPTH = 256;
  private static final int BLOCK_ROWS = 96;
  /** Rows copied at a time: where rows are a power of two apart, more would evict the lines that the next panel wants. */
  private static final int COPY_ROWS = 32;
  private static final int GROUP_PANELS = Math.max(1, 384 / COLUMNS);
  private static final long TASK_WORK = 1 << 18;
  private static final long TILE_BYTES = Memory.align(bytes((long) ROWS * COLUMNS));

  private final Spec spec;
  private final boolean swapped;
  private final MemorySegment left;
  private final MemorySegment right;
  private final MemorySegment c;
  private final MemorySegment scratch;
  private final int m;
  private final int n;
  private final float alpha;
  private final long workerBytes;
  private final int panelCount;
  private final Workers.Task task = this::multiply;

  private int rows;
  private int blockRows;
  private int groupPanels;
  private int groups;

  OuterGemm(Spec spec, Operands operands) {
    this.spec = spec;
    swapped = swapped(spec);
    left = swapped ? operands.b() : operands.a();
    right = swapped ? operands.a() : operands.b();
    m = swapped ? spec.n() : spec.m();
    n = swapped ? spec.m() : spec.n();
    c = operands.c();
    scratch = operands.scratch();
    alpha = (float) spec.alpha();
    workerBytes = workerBytes(spec);
    panelCount = (n + COLUMNS - 1) / COLUMNS;
  }

  static long scratchBytes(Spec spec, int threads) {
    return threads * workerBytes(spec);
  }

  private static long workerBytes(Spec spec) {
    int m = swapped(spec) ? spec.n() : spec.m();
    int n = swapped(spec) ? spec.m() : spec.n();
    int leftRows = Math.min(BLOCK_ROWS, (m + ROWS - 1) / ROWS * ROWS);
    int rightColumns = Math.min(GROUP_PANELS * COLUMNS, vectors(n) * COUNT);
    return TILE_BYTES + Memory.align(bytes((long) DEPTH * leftRows)) + Memory.align(bytes((long) DEPTH * rightColumns));
  }

  /** Whether less is padded with the columns of C as the tile's rows. */
  private static boolean swapped(Spec spec) {
    return padded(spec.n(), spec.m()) < padded(spec.m(), spec.n());
  }

  private static long padded(int rows, int columns) {
    return (long) (rows + ROWS - 1) / ROWS * ROWS * vectors(columns) * COUNT;
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, workers.threads() * workerBytes);
    if (rows == 0) {
      return;
    }
    this.rows = rows;
    int tasks = cut(workers.threads());
    workers.run(tasks, task);
  }

  private int cut(int threads) {
    int blocks = (m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    groups = (panelCount + GROUP_PANELS - 1) / GROUP_PANELS;
    if (threads > 1) {
      long most = Math.min(2L * threads, 1 + (long) rows * n * m / TASK_WORK);
      while ((long) blocks * groups < most && groups < panelCount) {
        groups = Math.min(panelCount, groups * 2);
      }
    }
    blockRows = ((m + blocks - 1) / blocks + ROWS - 1) / ROWS * ROWS;
    groupPanels = (panelCount + groups - 1) / groups;
    groups = (panelCount + groupPanels - 1) / groupPanels;
    return (m + blockRows - 1) / blockRows * groups;
  }

  private void multiply(int index, int worker) {
    int firstRow = index / groups * blockRows;
    int endRow = Math.min(m, firstRow + blockRows);
    int firstColumn = index % groups * groupPanels * COLUMNS;
    int endColumn = Math.min(n, firstColumn + groupPanels * COLUMNS);
    long tile = worker * workerBytes;
    long packedLeft = tile + TILE_BYTES;
    long packedRight = packedLeft + Memory.align(bytes((long) DEPTH * blockRows));
    for (int p = 0; p < rows; p += DEPTH) {
      int length = Math.min(DEPTH, rows - p);
      packLeft(p, length, firstRow, endRow, packedLeft);
      packRight(p, length, firstColumn, endColumn, packedRight);
      for (int column = firstColumn; column < endColumn; column += COLUMNS) {
        int columns = Math.min(COLUMNS, endColumn - column);
        int width = vectors(columns) * COUNT;
        long b = packedRight + bytes((long) (column - firstColumn) * length);
        for (int row = firstRow; row < endRow; row += ROWS) {
          long from = packedLeft + bytes((long) (row - firstRow) * length);
          PanelTiles.run(width / COUNT, scratch, from, scratch, b, scratch, tile, length);
          add(tile, width, row, Math.min(ROWS, endRow - row), column, columns);
        }
      }
    }
  }

  private void packLeft(int p, int length, int firstRow, int endRow, long to) {
    for (int row = firstRow; row < endRow; row += ROWS) {
      Copies.eights(left, bytes((long) p * m + row), bytes(m), Math.min(ROWS, endRow - row), scratch,
          to + bytes((long) (row - firstRow) * length), length);
    }
  }

  private void packRight(int p, int length, int firstColumn, int endColumn, long to) {
    for (int q = 0; q < length; q += COPY_ROWS) {
      int count = Math.min(COPY_ROWS, length - q);
      for (int column = firstColumn; column < endColumn; column += COLUMNS) {
        int columns = Math.min(COLUMNS, endColumn - column);
        int width = vectors(columns) * COUNT;
        Copies.rows(right, bytes((long) (p + q) * n + column), bytes(n), columns, scratch,
            to + bytes((long) (column - firstColumn) * length + (long) q * width), width, count);
      }
    }
  }

  private void add(long tile, int width, int row, int live, int column, int columns) {
    if (swapped) {
      Epilogue.addTransposed(scratch, tile, width, live, columns, alpha, c, bytes((long) column * m + row), bytes(m));
    } else {
      long to = bytes((long) row * n + column);
      Epilogue.storeAdd(scratch, tile, width, live, columns, alpha, c, to, bytes(n), c, to, bytes(n));
    }
  }
}
