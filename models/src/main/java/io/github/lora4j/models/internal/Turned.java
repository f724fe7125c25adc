package io.github.lora4j.models.internal;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Rows of a matrix in another form. */
final class Turned {

  private static final int CHUNK = 1 << 20;

  private Turned() {}

  /** The transpose of a matrix of elements of so many bytes. */
  static void copy(MemorySegment from, long rows, long cols, int bytes, MemorySegment to) {
    for (long i = 0; i < rows; i++) {
      for (long j = 0; j < cols; j++) {
        MemorySegment.copy(from, (i * cols + j) * bytes, to, (j * rows + i) * bytes, bytes);
      }
    }
  }

  /** Rows of blocks in another format, a few at a time by way of F32. */
  static void decoded(WeightFormat stored, MemorySegment blocks, WeightFormat as, int rows, int cols, MemorySegment target) {
    int step = Math.max(1, CHUNK / Math.max(1, cols));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate((long) Math.min(step, rows) * cols * Float.BYTES, 64);
      for (int first = 0; first < rows; first += step) {
        int n = Math.min(step, rows - first);
        for (int i = 0; i < n; i++) {
          stored.decode(blocks, (first + i) * WeightFormats.rowBytes(stored, cols), floats, (long) i * cols * Float.BYTES, cols);
        }
        long bytes = WeightFormats.rowBytes(as, cols);
        WeightFormats.encode(as, n, cols, new Elements(DType.F32), floats, target.asSlice(first * bytes, n * bytes));
      }
    }
  }
}
