package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.COUNT;
import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.NATIVE;
import static io.github.lora4j.vector.internal.gemm.Lanes.SPECIES;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * One row of C from a few rows of B: C[j] = base[j] + Σ alpha·u[i]·B[i, j], i ascending. The factors stay in registers, all else is
 * read once. Base may be C.
 */
final class RowSums {

  private RowSums() {}

  static void eight(MemorySegment u, long u0, float alpha, MemorySegment b, long b0, long rowBytes, MemorySegment base, long base0,
      MemorySegment c, long c0, int columns) {
    FloatVector x0 = factor(u, u0, alpha);
    FloatVector x1 = factor(u, u0 + 4, alpha);
    FloatVector x2 = factor(u, u0 + 8, alpha);
    FloatVector x3 = factor(u, u0 + 12, alpha);
    FloatVector x4 = factor(u, u0 + 16, alpha);
    FloatVector x5 = factor(u, u0 + 20, alpha);
    FloatVector x6 = factor(u, u0 + 24, alpha);
    FloatVector x7 = factor(u, u0 + 28, alpha);
    long b1 = b0 + rowBytes;
    long b2 = b1 + rowBytes;
    long b3 = b2 + rowBytes;
    long b4 = b3 + rowBytes;
    long b5 = b4 + rowBytes;
    long b6 = b5 + rowBytes;
    long b7 = b6 + rowBytes;
    int whole = columns - columns % COUNT;
    for (int j = 0; j < whole; j += COUNT) {
      FloatVector s = x0.fma(load(b, b0 + j * 4L), load(base, base0 + j * 4L));
      s = x1.fma(load(b, b1 + j * 4L), s);
      s = x2.fma(load(b, b2 + j * 4L), s);
      s = x3.fma(load(b, b3 + j * 4L), s);
      s = x4.fma(load(b, b4 + j * 4L), s);
      s = x5.fma(load(b, b5 + j * 4L), s);
      s = x6.fma(load(b, b6 + j * 4L), s);
      s = x7.fma(load(b, b7 + j * 4L), s);
      s.intoMemorySegment(c, c0 + j * 4L, NATIVE);
    }
    rest(8, u, u0, alpha, b, b0, rowBytes, base, base0, c, c0, whole, columns);
  }

  static void four(MemorySegment u, long u0, float alpha, MemorySegment b, long b0, long rowBytes, MemorySegment base, long base0,
      MemorySegment c, long c0, int columns) {
    FloatVector x0 = factor(u, u0, alpha);
    FloatVector x1 = factor(u, u0 + 4, alpha);
    FloatVector x2 = factor(u, u0 + 8, alpha);
    FloatVector x3 = factor(u, u0 + 12, alpha);
    long b1 = b0 + rowBytes;
    long b2 = b1 + rowBytes;
    long b3 = b2 + rowBytes;
    int whole = columns - columns % COUNT;
    for (int j = 0; j < whole; j += COUNT) {
      FloatVector s = x0.fma(load(b, b0 + j * 4L), load(base, base0 + j * 4L));
      s = x1.fma(load(b, b1 + j * 4L), s);
      s = x2.fma(load(b, b2 + j * 4L), s);
      s = x3.fma(load(b, b3 + j * 4L), s);
      s.intoMemorySegment(c, c0 + j * 4L, NATIVE);
    }
    rest(4, u, u0, alpha, b, b0, rowBytes, base, base0, c, c0, whole, columns);
  }

  static void one(MemorySegment u, long u0, float alpha, MemorySegment b, long b0, MemorySegment base, long base0, MemorySegment c,
      long c0, int columns) {
    FloatVector x0 = factor(u, u0, alpha);
    int whole = columns - columns % COUNT;
    for (int j = 0; j < whole; j += COUNT) {
      x0.fma(load(b, b0 + j * 4L), load(base, base0 + j * 4L)).intoMemorySegment(c, c0 + j * 4L, NATIVE);
    }
    rest(1, u, u0, alpha, b, b0, 0, base, base0, c, c0, whole, columns);
  }

  private static void rest(int count, MemorySegment u, long u0, float alpha, MemorySegment b, long b0, long rowBytes, MemorySegment base,
      long base0, MemorySegment c, long c0, int from, int columns) {
    for (int j = from; j < columns; j++) {
      float s = base.get(FLOAT, base0 + bytes(j));
      for (int i = 0; i < count; i++) {
        s = Math.fma(alpha * u.get(FLOAT, u0 + bytes(i)), b.get(FLOAT, b0 + i * rowBytes + bytes(j)), s);
      }
      c.set(FLOAT, c0 + bytes(j), s);
    }
  }

  private static FloatVector factor(MemorySegment u, long at, float alpha) {
    return FloatVector.broadcast(SPECIES, alpha * u.get(FLOAT, at));
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return FloatVector.fromMemorySegment(SPECIES, segment, at, NATIVE);
  }
}
