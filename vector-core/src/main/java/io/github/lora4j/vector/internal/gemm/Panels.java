package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.Gemm.Form;
import java.lang.foreign.MemorySegment;

/**
 * The right operand of a product as the micro-kernels read it: panels of {@link RowTiles#COLUMNS} columns one after another, each
 * [k, width] dense, so that a range of k is a contiguous piece of a panel. The last panel is as many whole vectors wide as it
 * needs and padded with zeros. NT and NN differ only in how the panels are filled. How frozen weights become panels, see {@link Packed}.
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
}
