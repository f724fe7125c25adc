package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.SPILL;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.FloatVector.zero;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Small dense products inside one scratch segment, the inner loops of attention: C (+)= A·B with C and B in whole vectors,
 * padded by the caller, and A read one float at a time with any two strides, so that it may be transposed. Offsets and strides
 * are bytes; rows come in groups of {@value #ROWS}.
 */
final class Tiles {
  /** Rows of C are padded to a multiple of this. */
  static final int ROWS = 8;

  private Tiles() {}

  /** C[rows, vectors] = A[rows, k]·B[k, vectors] for one or two vectors; the rows of B and C are lines. */
  static void multiply(MemorySegment s, int rows, int vectors, int k, long a, long aRow, long aK, long b, long c) {
    for (int i = 0; i < rows; i += ROWS) {
      tile(s, vectors, k, a + i * aRow, aRow, aK, b, LINE, c + i * LINE);
    }
  }

  /** C[rows, vectors] += A[rows, k]·B[k, vectors], any number of vectors. */
  static void add(MemorySegment s, int rows, int vectors, int k, long a, long aRow, long aK, long b, long c, long row) {
    for (int i = 0; i < rows; i += ROWS) {
      for (int j = 0; j < vectors; j += 2) {
        int width = Math.min(2, vectors - j);
        tile(s, width, k, a + i * aRow, aRow, aK, b + (long) j * BYTES, row, SPILL);
        addSpill(s, width, c + i * row + (long) j * BYTES, row);
      }
    }
  }

  private static void addSpill(MemorySegment s, int vectors, long c, long row) {
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < vectors; j++) {
        long at = c + i * row + (long) j * BYTES;
        Simd.store(Simd.load(s, at).add(Simd.load(s, SPILL + i * LINE + (long) j * BYTES)), s, at);
      }
    }
  }

  /** Writes eight lines. The tiles themselves only store, at fixed distances: with more in them C1 refuses to compile them at all. */
  private static void tile(MemorySegment s, int vectors, int k, long a, long aRow, long aK, long b, long bRow, long out) {
    if (vectors == 1) {
      tile4x1(s, k, a, aRow, aK, b, bRow, out);
      tile4x1(s, k, a + 4 * aRow, aRow, aK, b, bRow, out + 4 * LINE);
    } else if (Simd.MANY_REGISTERS) {
      tile8x2(s, k, a, aRow, aK, b, bRow, out);
    } else {
      tile4x2(s, k, a, aRow, aK, b, bRow, out);
      tile4x2(s, k, a + 4 * aRow, aRow, aK, b, bRow, out + 4 * LINE);
    }
  }

  private static void tile8x2(MemorySegment s, int k, long a, long aRow, long aK, long b, long bRow, long out) {
    FloatVector c00 = zero(F);
    FloatVector c01 = zero(F);
    FloatVector c10 = zero(F);
    FloatVector c11 = zero(F);
    FloatVector c20 = zero(F);
    FloatVector c21 = zero(F);
    FloatVector c30 = zero(F);
    FloatVector c31 = zero(F);
    FloatVector c40 = zero(F);
    FloatVector c41 = zero(F);
    FloatVector c50 = zero(F);
    FloatVector c51 = zero(F);
    FloatVector c60 = zero(F);
    FloatVector c61 = zero(F);
    FloatVector c70 = zero(F);
    FloatVector c71 = zero(F);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
      FloatVector b1 = fromMemorySegment(F, s, b + BYTES, ORDER);
      FloatVector a0 = broadcast(F, s.get(JAVA_FLOAT, a));
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = broadcast(F, s.get(JAVA_FLOAT, a + aRow));
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = broadcast(F, s.get(JAVA_FLOAT, a + 2 * aRow));
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = broadcast(F, s.get(JAVA_FLOAT, a + 3 * aRow));
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      FloatVector a4 = broadcast(F, s.get(JAVA_FLOAT, a + 4 * aRow));
      c40 = a4.fma(b0, c40);
      c41 = a4.fma(b1, c41);
      FloatVector a5 = broadcast(F, s.get(JAVA_FLOAT, a + 5 * aRow));
      c50 = a5.fma(b0, c50);
      c51 = a5.fma(b1, c51);
      FloatVector a6 = broadcast(F, s.get(JAVA_FLOAT, a + 6 * aRow));
      c60 = a6.fma(b0, c60);
      c61 = a6.fma(b1, c61);
      FloatVector a7 = broadcast(F, s.get(JAVA_FLOAT, a + 7 * aRow));
      c70 = a7.fma(b0, c70);
      c71 = a7.fma(b1, c71);
      a += aK;
      b += bRow;
    }
    c00.intoMemorySegment(s, out, ORDER);
    c01.intoMemorySegment(s, out + BYTES, ORDER);
    c10.intoMemorySegment(s, out + LINE, ORDER);
    c11.intoMemorySegment(s, out + LINE + BYTES, ORDER);
    c20.intoMemorySegment(s, out + 2 * LINE, ORDER);
    c21.intoMemorySegment(s, out + 2 * LINE + BYTES, ORDER);
    c30.intoMemorySegment(s, out + 3 * LINE, ORDER);
    c31.intoMemorySegment(s, out + 3 * LINE + BYTES, ORDER);
    c40.intoMemorySegment(s, out + 4 * LINE, ORDER);
    c41.intoMemorySegment(s, out + 4 * LINE + BYTES, ORDER);
    c50.intoMemorySegment(s, out + 5 * LINE, ORDER);
    c51.intoMemorySegment(s, out + 5 * LINE + BYTES, ORDER);
    c60.intoMemorySegment(s, out + 6 * LINE, ORDER);
    c61.intoMemorySegment(s, out + 6 * LINE + BYTES, ORDER);
    c70.intoMemorySegment(s, out + 7 * LINE, ORDER);
    c71.intoMemorySegment(s, out + 7 * LINE + BYTES, ORDER);
  }

  private static void tile4x2(MemorySegment s, int k, long a, long aRow, long aK, long b, long bRow, long out) {
    FloatVector c00 = zero(F);
    FloatVector c01 = zero(F);
    FloatVector c10 = zero(F);
    FloatVector c11 = zero(F);
    FloatVector c20 = zero(F);
    FloatVector c21 = zero(F);
    FloatVector c30 = zero(F);
    FloatVector c31 = zero(F);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
      FloatVector b1 = fromMemorySegment(F, s, b + BYTES, ORDER);
      FloatVector a0 = broadcast(F, s.get(JAVA_FLOAT, a));
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = broadcast(F, s.get(JAVA_FLOAT, a + aRow));
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = broadcast(F, s.get(JAVA_FLOAT, a + 2 * aRow));
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = broadcast(F, s.get(JAVA_FLOAT, a + 3 * aRow));
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      a += aK;
      b += bRow;
    }
    c00.intoMemorySegment(s, out, ORDER);
    c01.intoMemorySegment(s, out + BYTES, ORDER);
    c10.intoMemorySegment(s, out + LINE, ORDER);
    c11.intoMemorySegment(s, out + LINE + BYTES, ORDER);
    c20.intoMemorySegment(s, out + 2 * LINE, ORDER);
    c21.intoMemorySegment(s, out + 2 * LINE + BYTES, ORDER);
    c30.intoMemorySegment(s, out + 3 * LINE, ORDER);
    c31.intoMemorySegment(s, out + 3 * LINE + BYTES, ORDER);
  }

  private static void tile4x1(MemorySegment s, int k, long a, long aRow, long aK, long b, long bRow, long out) {
    FloatVector c00 = zero(F);
    FloatVector c10 = zero(F);
    FloatVector c20 = zero(F);
    FloatVector c30 = zero(F);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
      FloatVector a0 = broadcast(F, s.get(JAVA_FLOAT, a));
      c00 = a0.fma(b0, c00);
      FloatVector a1 = broadcast(F, s.get(JAVA_FLOAT, a + aRow));
      c10 = a1.fma(b0, c10);
      FloatVector a2 = broadcast(F, s.get(JAVA_FLOAT, a + 2 * aRow));
      c20 = a2.fma(b0, c20);
      FloatVector a3 = broadcast(F, s.get(JAVA_FLOAT, a + 3 * aRow));
      c30 = a3.fma(b0, c30);
      a += aK;
      b += bRow;
    }
    c00.intoMemorySegment(s, out, ORDER);
    c10.intoMemorySegment(s, out + LINE, ORDER);
    c20.intoMemorySegment(s, out + 2 * LINE, ORDER);
    c30.intoMemorySegment(s, out + 3 * LINE, ORDER);
  }
}
