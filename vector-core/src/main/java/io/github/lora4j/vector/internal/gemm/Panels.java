package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.SHORT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import java.lang.foreign.MemorySegment;

/**
 * The right operand of a product as the micro-kernels read it: panels of {@link RowTiles#COLUMNS} columns one after another, each
 * [k, width] dense, so that a range of k is a contiguous piece of a panel. The last panel is as many whole vectors wide as it
 * needs and padded with zeros. NT and NN differ only in how the panels are filled.
 *
 * <p>A frozen weight W [rows, cols] is kept in the panels of the NT product, whose columns are W's rows. The NN product, whose columns are
 * W's columns, turns them at each call, piece by piece into the second cache.
 */
final class Panels {

  private static final int COLUMNS = RowTiles.COLUMNS;

  private Panels() {}

  static int count(int n) {
    return (n + COLUMNS - 1) / COLUMNS;
  }

  /** Elements of all panels. */
  static long elements(int n, int k) {
    return (long) vectors(n) * COUNT * k;
  }

  /** Columns of panel {@code index} that belong to the matrix. */
  static int columns(int index, int n) {
    return Math.min(COLUMNS, n - index * COLUMNS);
  }

  /** Columns of the widest panel. */
  static int widest(int n) {
    return Math.min(COLUMNS, vectors(n) * COUNT);
  }

  /** First element of panel {@code index}: all before it are full. */
  static long start(int index, int k) {
    return (long) index * COLUMNS * k;
  }

  /** Fills one F32 panel. */
  static void pack(Form form, int n, int k, MemorySegment source, MemorySegment panels, int index) {
    int columns = columns(index, n);
    int width = vectors(columns) * COUNT;
    long out = bytes(start(index, k));
    if (form == Form.NT) {
      Transpose.pack(source, bytes((long) index * COLUMNS * k), bytes(k), columns, panels, out, width, k);
    } else {
      Copies.rows(source, bytes((long) index * COLUMNS), bytes(n), columns, panels, out, width, k);
    }
  }

  /** Scratch of {@link #turn}: a square block, widened. */
  static long blockBytes(int n, int k, DType storage) {
    return storage == DType.F32 ? 0 : Memory.align(bytes((long) widest(n) * widest(k)));
  }

  /**
   * Fills rows [p, p + length) of one F32 panel of an NN product from the panels in which W [k, n] is packed.
   *
   * @param p a multiple of the columns of a panel
   * @param block see {@link #blockBytes}
   */
  static void turn(int n, int k, MemorySegment packed, DType storage, int index, int p, int length, MemorySegment scratch, long to, long block) {
    int columns = columns(index, n);
    int width = vectors(columns) * COUNT;
    for (int done = 0; done < length; done += COLUMNS) {
      int other = (p + done) / COLUMNS;
      int rows = columns(other, k);
      int rowsWidth = vectors(rows) * COUNT;
      long from = start(other, n) + (long) index * COLUMNS * rowsWidth;
      long at = to + bytes((long) done * width);
      if (storage == DType.F32) {
        Transpose.pack(packed, bytes(from), bytes(rowsWidth), columns, scratch, at, width, rows);
      } else {
        Copies.widen(storage, packed, from * storage.bytes(), (long) columns * rowsWidth, scratch, block);
        Transpose.pack(scratch, block, bytes(rowsWidth), columns, scratch, at, width, rows);
      }
    }
  }

  /** Fills one panel of W [n, k] in narrow storage. */
  static void packNarrow(int n, int k, MemorySegment source, MemorySegment panels, int index, DType storage) {
    int columns = columns(index, n);
    int width = vectors(columns) * COUNT;
    long first = (long) index * COLUMNS;
    long out = start(index, k) * storage.bytes();
    for (int p = 0; p < k; p++) {
      for (int j = 0; j < width; j++, out += storage.bytes()) {
        float value = j < columns ? source.get(FLOAT, bytes((first + j) * k + p)) : 0;
        panels.set(SHORT, out, storage == DType.BF16 ? DType.floatToBf16(value) : Float.floatToFloat16(value));
      }
    }
  }
}
