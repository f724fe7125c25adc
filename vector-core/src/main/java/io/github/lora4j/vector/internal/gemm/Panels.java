package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.SHORT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;
import static io.github.lora4j.vector.internal.gemm.Lanes.vectors;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Gemm.Form;
import java.lang.foreign.MemorySegment;

/**
 * The right operand of a product as the micro-kernels read it: panels of {@link RowTiles#COLUMNS} columns one after another, each
 * [k, width] dense, so that a range of k is a contiguous piece of a panel. The last panel is as many whole vectors wide as it
 * needs and padded with zeros. NT and NN differ only in how the panels are filled.
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

  /** Fills one panel in narrow storage. */
  static void packNarrow(Form form, int n, int k, MemorySegment source, MemorySegment panels, int index, DType storage) {
    int columns = columns(index, n);
    int width = vectors(columns) * COUNT;
    long first = (long) index * COLUMNS;
    long out = start(index, k) * storage.bytes();
    for (int p = 0; p < k; p++) {
      for (int j = 0; j < width; j++, out += storage.bytes()) {
        long at = form == Form.NT ? (first + j) * k + p : (long) p * n + first + j;
        float value = j < columns ? source.get(FLOAT, bytes(at)) : 0;
        panels.set(SHORT, out, storage == DType.BF16 ? DType.floatToBf16(value) : Float.floatToFloat16(value));
      }
    }
  }
}
