package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * NT and NN with few columns, such as LoRA's first product: bound by the reading of A, which goes through the caches once while the
 * tile before is computed. B is packed at each call. Up to eight columns are {@link PairTiles} where vectors have sixteen floats.
 */
final class NarrowGemm implements Gemm {

  private static final int ROWS = NarrowTiles.ROWS;
  private static final int BLOCK_ROWS = 256;
  private static final long TASK_WORK = 1 << 18;
  /** Rows of several tiles of pairs, so that what has just been stored is not loaded at once. */
  private static final int PAIR_ROWS = 64;
  /** The tile or tiles, and a word for what was read ahead or the rest of a vector. */
  private static final long TILE_BYTES = Memory.align(bytes(Math.max(ROWS * NarrowTiles.COLUMNS, PAIR_ROWS * PairTiles.COLUMNS) + COUNT));

  private final Spec spec;
  private final MemorySegment a;
  private final MemorySegment source;
  private final MemorySegment bias;
  private final MemorySegment addend;
  private final MemorySegment c;
  private final MemorySegment scratch;
  private final int n;
  private final int k;
  private final int width;
  private final float alpha;
  /** Whether {@link PairTiles} make it. */
  private final boolean pairs;
  private final boolean hasBias;
  private final boolean hasAddend;
  private final long workerBase;
  private final Workers.Task task = this::multiply;

  private int rows;
  private int blockRows;

  NarrowGemm(Spec spec, Operands operands) {
    this.spec = spec;
    a = operands.a();
    source = operands.b();
    bias = operands.bias();
    addend = operands.addend();
    c = operands.c();
    scratch = operands.scratch();
    n = spec.n();
    k = spec.k();
    width = vectors(n) * COUNT;
    alpha = (float) spec.alpha();
    pairs = pairs(spec);
    hasBias = VectorGemms.present(bias);
    hasAddend = VectorGemms.present(addend);
    workerBase = panelBytes(spec);
  }

  static boolean suits(Spec spec) {
    return !spec.packed() && spec.form() != Form.TN && spec.n() <= NarrowTiles.COLUMNS && (spec.rows() >= ROWS || pairs(spec));
  }

  /** Whatever the rows: their sums are not those of other products bit by bit, and a batch's size must not be seen in its bits. */
  private static boolean pairs(Spec spec) {
    return PairTiles.SUITS && spec.n() <= PairTiles.COLUMNS && spec.k() % COUNT == 0;
  }

  static long scratchBytes(Spec spec, int threads) {
    return panelBytes(spec) + threads * TILE_BYTES;
  }

  private static long panelBytes(Spec spec) {
    return Memory.align(bytes(Panels.elements(spec.n(), spec.k())));
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, scratchBytes(spec, workers.threads()));
    if (rows == 0) {
      return;
    }
    if (pairs) {
      PairTiles.pack(spec.form(), n, k, source, scratch, 0);
    } else {
      Panels.pack(spec.form(), n, k, source, scratch, 0);
    }
    this.rows = rows;
    long tasks = Math.min(4L * workers.threads(), 1 + (long) rows * n * k / TASK_WORK);
    int share = (int) ((rows + tasks - 1) / tasks);
    blockRows = Math.min(BLOCK_ROWS, (share + ROWS - 1) / ROWS * ROWS);
    workers.run((rows + blockRows - 1) / blockRows, task);
  }

  private void multiply(int index, int worker) {
    int firstRow = index * blockRows;
    int endRow = Math.min(rows, firstRow + blockRows);
    long tile = workerBase + worker * TILE_BYTES;
    long rowBytes = bytes(k);
    if (pairs) {
      for (int row = firstRow; row < endRow; row += PAIR_ROWS) {
        int live = Math.min(PAIR_ROWS, endRow - row);
        for (int i = 0; i < live; i += PairTiles.ROWS) {
          PairTiles.run(a, (row + i) * rowBytes, rowBytes, Math.min(PairTiles.ROWS, live - i), scratch, 0, scratch,
              tile + bytes(i * PairTiles.COLUMNS), k);
        }
        store(tile, PairTiles.COLUMNS, row, live);
      }
      return;
    }
    for (int row = firstRow; row < endRow; row += ROWS) {
      int live = Math.min(ROWS, endRow - row);
      int ahead = Math.min(row + ROWS, spec.rows() - ROWS);
      NarrowTiles.run(width / COUNT, a, row * rowBytes, rowBytes, live, ahead * rowBytes, scratch, 0, scratch, tile, k);
      store(tile, width, row, live);
    }
  }

  private void store(long tile, int width, int row, int live) {
    long to = bytes((long) row * n);
    if (width == n && !hasBias) {
      // Rows lie one behind the other in the tile as in C: a single long one.
      store(tile, live * n, 1, live * n, to);
    } else {
      store(tile, width, live, n, to);
    }
  }

  private void store(long tile, int width, int rows, int columns, long to) {
    long rowBytes = bytes(columns);
    if (hasAddend) {
      Epilogue.storeAdd(scratch, tile, width, rows, columns, alpha, addend, to, rowBytes, c, to, rowBytes);
      if (hasBias) {
        Epilogue.addRow(bias, 0, rows, columns, c, to, rowBytes);
      }
    } else if (hasBias) {
      Epilogue.storeAdd(scratch, tile, width, rows, columns, alpha, bias, 0, 0, c, to, rowBytes);
    } else {
      Epilogue.store(scratch, tile, width, rows, columns, alpha, c, to, rowBytes);
    }
  }
}
