package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import io.github.lora4j.vector.internal.Squares;
import java.lang.foreign.MemorySegment;

/** Transposes into panels. */
final class Transpose {

  private Transpose() {}

  /**
   * panel[p, j] = source[j, p] for p below {@code depth} and j below {@code rows}, and 0 for j from there to {@code width}: rows of a
   * matrix become columns of a panel. Nothing else is read or written.
   */
  static void pack(MemorySegment source, long from, long rowBytes, int rows, MemorySegment panel, long out, int width, int depth) {
    int down = rows / COUNT;
    int across = depth / COUNT;
    long toRow = bytes(width);
    Squares.transpose(source, from, rowBytes, down, across, panel, out, toRow);
    floats(source, from, rowBytes, 0, down * COUNT, panel, out, toRow, across * COUNT, depth);
    floats(source, from, rowBytes, down * COUNT, rows, panel, out, toRow, 0, depth);
    for (int p = 0; p < depth && rows < width; p++) {
      for (int j = rows; j < width; j++) {
        panel.set(FLOAT, out + p * toRow + bytes(j), 0f);
      }
    }
  }

  /** What whole squares leave over. */
  private static void floats(MemorySegment source, long from, long rowBytes, int row, int rows, MemorySegment panel, long out, long toRow,
      int first, int depth) {
    for (int j = row; j < rows; j++) {
      for (int p = first; p < depth; p++) {
        panel.set(FLOAT, out + p * toRow + bytes(j), source.get(FLOAT, from + j * rowBytes + bytes(p)));
      }
    }
  }
}
