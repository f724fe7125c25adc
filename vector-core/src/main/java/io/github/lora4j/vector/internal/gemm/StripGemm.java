package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;

/**
 * TN where C has few rows or few columns, such as the gradients of LoRA's A and B: bound by the reading of the wide operand, which is
 * read once and where it lies. A task sums a slice of the rows into tiles of its own; slices are cut by the shape alone and added up
 * in order. Where C is narrow the roles change and the tiles are added to C transposed.
 */
final class StripGemm implements Gemm {

  /** Rows or columns of C up to which packing the wide operand costs more than reading it again. */
  static final int MOST_ROWS = 32;
  private static final int ROWS = StripTiles.ROWS;
  private static final int COLUMNS = StripTiles.COLUMNS;
  /** Rows summed at a time, read in order first: their strips then come from the second cache. */
  private static final int DEPTH = 128;
  private static final int SLICES = 16;
  private static final long TILE_BYTES = bytes((long) ROWS * COLUMNS);

  private final Spec spec;
  private final boolean swapped;
  private final MemorySegment left;
  private final MemorySegment right;
  private final MemorySegment c;
  private final MemorySegment scratch;
  private final int m;
  private final int n;
  private final float alpha;
  private final int tileRows;
  private final int strips;
  private final int sliceRows;
  private final long sliceBytes;
  private final long workerBytes;
  private final Workers.Task sumTask = this::sum;

  private int rows;

  StripGemm(Spec spec, Operands operands) {
    this.spec = spec;
    swapped = swapped(spec);
    left = swapped ? operands.b() : operands.a();
    right = swapped ? operands.a() : operands.b();
    m = swapped ? spec.n() : spec.m();
    n = swapped ? spec.m() : spec.n();
    c = operands.c();
    scratch = operands.scratch();
    alpha = (float) spec.alpha();
    tileRows = (m + ROWS - 1) / ROWS;
    strips = (n + COLUMNS - 1) / COLUMNS;
    sliceRows = sliceRows(spec);
    sliceBytes = sliceBytes(spec);
    workerBytes = workerBytes(spec);
  }

  static boolean suits(Spec spec) {
    return spec.form() == Form.TN && Math.min(spec.m(), spec.n()) <= MOST_ROWS;
  }

  static long scratchBytes(Spec spec, int threads) {
    return slices(spec.rows(), sliceRows(spec)) * sliceBytes(spec) + threads * workerBytes(spec);
  }

  private static boolean swapped(Spec spec) {
    return spec.n() < spec.m();
  }

  /** Whole depths, and no more than {@value #SLICES} slices of the most rows there can be. */
  private static int sliceRows(Spec spec) {
    int share = Math.max(2 * DEPTH, (spec.rows() + SLICES - 1) / SLICES);
    return (share + DEPTH - 1) / DEPTH * DEPTH;
  }

  private static int slices(int rows, int sliceRows) {
    return (rows + sliceRows - 1) / sliceRows;
  }

  private static long sliceBytes(Spec spec) {
    int few = Math.min(spec.m(), spec.n());
    int many = Math.max(spec.m(), spec.n());
    return (long) ((few + ROWS - 1) / ROWS) * ((many + COLUMNS - 1) / COLUMNS) * TILE_BYTES;
  }

  /**
   * A block of the left operand in pieces of eight columns, a strip that ends within a vector, a word for what is read ahead, and the
   * tile of one block: a kernel that also loads its sums is one that the first compiler refuses, and the second may never get to.
   */
  private static long workerBytes(Spec spec) {
    int few = (Math.min(spec.m(), spec.n()) + ROWS - 1) / ROWS * ROWS;
    return Memory.align(bytes((long) DEPTH * (few + COLUMNS)) + Float.BYTES) + TILE_BYTES;
  }

  @Override
  public void run(Workers workers, int rows) {
    VectorGemms.checkRows(spec, rows);
    VectorGemms.checkSize("scratch", scratch, scratchBytes(spec, workers.threads()));
    if (rows == 0) {
      return;
    }
    this.rows = rows;
    int slices = slices(rows, sliceRows);
    workers.run(slices, sumTask);
    for (int i = 1; i < slices; i++) {
      Epilogue.addRow(scratch, i * sliceBytes, 1, (int) (sliceBytes / Float.BYTES), scratch, 0, 0);
    }
    for (int i = 0; i < tileRows; i++) {
      for (int j = 0; j < strips; j++) {
        add(i, j);
      }
    }
  }

  private void sum(int slice, int worker) {
    long tiles = slice * sliceBytes;
    scratch.asSlice(tiles, sliceBytes).fill((byte) 0);
    long block = slices(spec.rows(), sliceRows) * sliceBytes + worker * workerBytes;
    long edge = block + bytes((long) DEPTH * tileRows * ROWS);
    long seen = edge + bytes((long) DEPTH * COLUMNS);
    int end = Math.min(rows, (slice + 1) * sliceRows);
    for (int p = slice * sliceRows; p < end; p += DEPTH) {
      int length = Math.min(DEPTH, end - p);
      touch(bytes((long) p * n), bytes((long) length * n), seen);
      for (int i = 0; i < tileRows; i++) {
        Copies.eights(left, bytes((long) p * m + i * ROWS), bytes(m), Math.min(ROWS, m - i * ROWS), scratch,
            block + bytes((long) i * ROWS * length), length);
      }
      for (int j = 0; j < strips; j++) {
        strip(j, p, length, tiles, block, edge, block + workerBytes - TILE_BYTES);
      }
    }
  }

  private void strip(int j, int p, int length, long tiles, long block, long edge, long fresh) {
    int columns = columns(j);
    int width = vectors(columns) * COUNT;
    MemorySegment b = right;
    long from = bytes((long) p * n + j * COLUMNS);
    long stride = bytes(n);
    if (columns < width) {
      Copies.rows(right, from, bytes(n), columns, scratch, edge, width, length);
      b = scratch;
      from = edge;
      stride = bytes(width);
    }
    for (int i = 0; i < tileRows; i++) {
      StripTiles.run(width / COUNT, scratch, block + bytes((long) i * ROWS * length), stride, b, from, scratch, fresh, length);
      Epilogue.addRow(scratch, fresh, 1, ROWS * width, scratch, tiles + tile(i, j), 0);
    }
  }

  /** Reads a line at a time in order: along the strips the processor does not foresee what comes next. */
  private void touch(long from, long bytes, long seen) {
    float sum = 0;
    for (int at = 0; at < (int) bytes; at += 64) {
      sum += right.get(FLOAT, from + at);
    }
    scratch.set(FLOAT, seen, sum);
  }

  private int columns(int j) {
    return Math.min(COLUMNS, n - j * COLUMNS);
  }

  private long tile(int i, int j) {
    return ((long) i * strips + j) * TILE_BYTES;
  }

  private void add(int i, int j) {
    int columns = columns(j);
    int width = vectors(columns) * COUNT;
    int live = Math.min(ROWS, m - i * ROWS);
    if (swapped) {
      Epilogue.addTransposed(scratch, tile(i, j), width, live, columns, alpha, c, bytes((long) j * COLUMNS * m + i * ROWS), bytes(m));
    } else {
      long to = bytes((long) i * ROWS * n + j * COLUMNS);
      Epilogue.storeAdd(scratch, tile(i, j), width, live, columns, alpha, c, to, bytes(n), c, to, bytes(n));
    }
  }
}
