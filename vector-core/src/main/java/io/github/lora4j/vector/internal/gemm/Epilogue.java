package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.NATIVE;
import static io.github.lora4j.vector.internal.gemm.Lanes.SPECIES;
import static io.github.lora4j.vector.internal.gemm.Lanes.WIDTH;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Takes a dense tile of sums to C. Nothing outside the tile's rows and columns is read or written. */
final class Epilogue {

  private Epilogue() {}

  /** C = alpha·T. */
  static void store(MemorySegment t, long t0, int width, int rows, int columns, float alpha, MemorySegment c, long c0, long rowBytes) {
    if (columns == 4 * COUNT) {
      for (int r = 0; r < rows; r++) {
        long from = t0 + r * 4 * WIDTH;
        long to = c0 + r * rowBytes;
        scaled(t, from, alpha, c, to);
        scaled(t, from + WIDTH, alpha, c, to + WIDTH);
        scaled(t, from + 2 * WIDTH, alpha, c, to + 2 * WIDTH);
        scaled(t, from + 3 * WIDTH, alpha, c, to + 3 * WIDTH);
      }
      return;
    }
    int whole = columns - columns % COUNT;
    for (int r = 0; r < rows; r++) {
      long from = t0 + bytes((long) r * width);
      long to = c0 + r * rowBytes;
      for (int j = 0; j < whole; j += COUNT) {
        scaled(t, from + bytes(j), alpha, c, to + bytes(j));
      }
      for (int j = whole; j < columns; j++) {
        c.set(FLOAT, to + bytes(j), t.get(FLOAT, from + bytes(j)) * alpha);
      }
    }
  }

  /** C = alpha·T + base; base rows are {@code baseBytes} apart, 0 repeats one row. Base may be C. */
  static void storeAdd(MemorySegment t, long t0, int width, int rows, int columns, float alpha, MemorySegment base, long base0,
      long baseBytes, MemorySegment c, long c0, long rowBytes) {
    if (columns == 4 * COUNT) {
      for (int r = 0; r < rows; r++) {
        long from = t0 + r * 4 * WIDTH;
        long in = base0 + r * baseBytes;
        long to = c0 + r * rowBytes;
        scaled(t, from, alpha, base, in, c, to);
        scaled(t, from + WIDTH, alpha, base, in + WIDTH, c, to + WIDTH);
        scaled(t, from + 2 * WIDTH, alpha, base, in + 2 * WIDTH, c, to + 2 * WIDTH);
        scaled(t, from + 3 * WIDTH, alpha, base, in + 3 * WIDTH, c, to + 3 * WIDTH);
      }
      return;
    }
    if (columns == 3 * COUNT) {
      for (int r = 0; r < rows; r++) {
        long from = t0 + r * 3 * WIDTH;
        long in = base0 + r * baseBytes;
        long to = c0 + r * rowBytes;
        scaled(t, from, alpha, base, in, c, to);
        scaled(t, from + WIDTH, alpha, base, in + WIDTH, c, to + WIDTH);
        scaled(t, from + 2 * WIDTH, alpha, base, in + 2 * WIDTH, c, to + 2 * WIDTH);
      }
      return;
    }
    int whole = columns - columns % COUNT;
    for (int r = 0; r < rows; r++) {
      long from = t0 + bytes((long) r * width);
      long in = base0 + r * baseBytes;
      long to = c0 + r * rowBytes;
      for (int j = 0; j < whole; j += COUNT) {
        scaled(t, from + bytes(j), alpha, base, in + bytes(j), c, to + bytes(j));
      }
      for (int j = whole; j < columns; j++) {
        c.set(FLOAT, to + bytes(j), Math.fma(t.get(FLOAT, from + bytes(j)), alpha, base.get(FLOAT, in + bytes(j))));
      }
    }
  }

  // These take the factor as a number: a vector made before the branches became an object at each call, because C2 leaves calls of these out of line
  // where a branch is rarely taken. Its broadcast leaves the loop anyway.

  private static void scaled(MemorySegment t, long from, float alpha, MemorySegment c, long to) {
    FloatVector.fromMemorySegment(SPECIES, t, from, NATIVE).mul(FloatVector.broadcast(SPECIES, alpha)).intoMemorySegment(c, to, NATIVE);
  }

  private static void scaled(MemorySegment t, long from, float alpha, MemorySegment base, long in, MemorySegment c, long to) {
    FloatVector.fromMemorySegment(SPECIES, t, from, NATIVE).fma(FloatVector.broadcast(SPECIES, alpha),
        FloatVector.fromMemorySegment(SPECIES, base, in, NATIVE)).intoMemorySegment(c, to, NATIVE);
  }

  /** C += one row, repeated. */
  static void addRow(MemorySegment row, long row0, int rows, int columns, MemorySegment c, long c0, long rowBytes) {
    int whole = columns - columns % COUNT;
    for (int r = 0; r < rows; r++) {
      long to = c0 + r * rowBytes;
      for (int j = 0; j < whole; j += COUNT) {
        FloatVector.fromMemorySegment(SPECIES, c, to + bytes(j), NATIVE)
            .add(FloatVector.fromMemorySegment(SPECIES, row, row0 + bytes(j), NATIVE))
            .intoMemorySegment(c, to + bytes(j), NATIVE);
      }
      for (int j = whole; j < columns; j++) {
        c.set(FLOAT, to + bytes(j), c.get(FLOAT, to + bytes(j)) + row.get(FLOAT, row0 + bytes(j)));
      }
    }
  }

  /** Cᵀ += alpha·T: row r of the tile is column r of C. */
  static void addTransposed(MemorySegment t, long t0, int width, int rows, int columns, float alpha, MemorySegment c, long c0,
      long rowBytes) {
    for (int j = 0; j < columns; j++) {
      for (int r = 0; r < rows; r++) {
        long to = c0 + j * rowBytes + bytes(r);
        c.set(FLOAT, to, Math.fma(t.get(FLOAT, t0 + bytes((long) r * width + j)), alpha, c.get(FLOAT, to)));
      }
    }
  }
}
