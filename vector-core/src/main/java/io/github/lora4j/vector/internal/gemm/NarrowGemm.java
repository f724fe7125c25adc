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
 * tile before is computed. B is packed at each call.
 */
final class NarrowGemm implements Gemm {

  private static final int ROWS = NarrowTiles.ROWS;
  private static final int BLOCK_ROWS = 256;
  private static final long TASK_WORK = 1 << 18;
  /** The tile and a word for what was read ahead. */
  private static final long TILE_BYTES = Memory.align(bytes((long) ROWS * NarrowTiles.COLUMNS) + Long.BYTES);

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
    hasBias = VectorGemms.present(bias);
    hasAddend = VectorGemms.present(addend);
    workerBase = panelBytes(spec);
  }

  static boolean suits(Spec spec) {
    return !spec.packed() && spec.form() != Form.TN && spec.n() <= NarrowTiles.COLUMNS && spec.rows() >= ROWS;
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
    Panels.pack(spec.form(), n, k, source, scratch, 0);
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
    for (int row = firstRow; row < endRow; row += ROWS) {
      int live = Math.min(ROWS, endRow - row);
      int ahead = Math.min(row + ROWS, spec.rows() - ROWS);
      NarrowTiles.run(width / COUNT, a, row * rowBytes, rowBytes, live, ahead * rowBytes, scratch, 0, scratch, tile, k);
      store(tile, row, live);
    }
  }

  private void store(long tile, int row, int live) {
    long to = bytes((long) row * n);
    long rowBytes = bytes(n);
    if (hasAddend) {
      Epilogue.storeAdd(scratch, tile, width, live, n, alpha, addend, to, rowBytes, c, to, rowBytes);
      if (hasBias) {
        Epilogue.addRow(bias, 0, live, n, c, to, rowBytes);
      }
    } else if (hasBias) {
      Epilogue.storeAdd(scratch, tile, width, live, n, alpha, bias, 0, 0, c, to, rowBytes);
    } else {
      Epilogue.store(scratch, tile, width, live, n, alpha, c, to, rowBytes);
    }
  }
}
