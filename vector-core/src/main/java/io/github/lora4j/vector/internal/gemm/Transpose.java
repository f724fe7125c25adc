package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import java.lang.foreign.MemorySegment;

/** Packs rows of a matrix as the columns of a panel. */
final class Transpose {

  private static final int BLOCK = 16;

  private Transpose() {}

  /** panel[p, j] = source[j, p] for j below {@code rows}, and 0 from there to {@code width}. */
  static void pack(MemorySegment source, long from, long rowBytes, int rows, MemorySegment panel, long out, int width, int depth) {
    for (int p = 0; p < depth; p += BLOCK) {
      int end = Math.min(depth, p + BLOCK);
      for (int j = 0; j < rows; j++) {
        long in = from + j * rowBytes;
        long to = out + bytes(j);
        for (int q = p; q < end; q++) {
          panel.set(FLOAT, to + bytes((long) q * width), source.get(FLOAT, in + bytes(q)));
        }
      }
      for (int j = rows; j < width; j++) {
        for (int q = p; q < end; q++) {
          panel.set(FLOAT, out + bytes((long) q * width + j), 0f);
        }
      }
    }
  }
}
