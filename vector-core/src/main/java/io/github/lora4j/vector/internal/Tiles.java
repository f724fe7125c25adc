package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

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

  /** C[rows, vectors] = A[rows, k]·B[k, vectors], added to C if {@code add}. */
  static void multiply(MemorySegment s, int rows, int vectors, int k, long a, long aRow, long aK, long b, long bRow, long c, long cRow,
      boolean add) {
    int step = Simd.MANY_REGISTERS ? 8 : 4;
    for (int i = 0; i < rows; i += step) {
      long ai = a + i * aRow;
      long ci = c + i * cRow;
      int j = 0;
      for (; j + 2 <= vectors; j += 2) {
        if (step == 8) {
          tile8x2(s, k, ai, aRow, aK, b + (long) j * BYTES, bRow, ci + (long) j * BYTES, cRow, add);
        } else {
          tile4x2(s, k, ai, aRow, aK, b + (long) j * BYTES, bRow, ci + (long) j * BYTES, cRow, add);
        }
      }
      if (j < vectors) {
        tile4x1(s, k, ai, aRow, aK, b + (long) j * BYTES, bRow, ci + (long) j * BYTES, cRow, add);
        if (step == 8) {
          tile4x1(s, k, ai + 4 * aRow, aRow, aK, b + (long) j * BYTES, bRow, ci + 4 * cRow + (long) j * BYTES, cRow, add);
        }
      }
    }
  }

  private static void tile8x2(MemorySegment s, int k, long a, long aRow, long aK, long b, long bRow, long c, long cRow, boolean add) {
    FloatVector c00 = all(0f);
    FloatVector c01 = all(0f);
    FloatVector c10 = all(0f);
    FloatVector c11 = all(0f);
    FloatVector c20 = all(0f);
    FloatVector c21 = all(0f);
    FloatVector c30 = all(0f);
    FloatVector c31 = all(0f);
    FloatVector c40 = all(0f);
    FloatVector c41 = all(0f);
    FloatVector c50 = all(0f);
    FloatVector c51 = all(0f);
    FloatVector c60 = all(0f);
    FloatVector c61 = all(0f);
    FloatVector c70 = all(0f);
    FloatVector c71 = all(0f);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(s, b);
      FloatVector b1 = load(s, b + BYTES);
      FloatVector a0 = all(s.get(JAVA_FLOAT, a));
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = all(s.get(JAVA_FLOAT, a + aRow));
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = all(s.get(JAVA_FLOAT, a + 2 * aRow));
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = all(s.get(JAVA_FLOAT, a + 3 * aRow));
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      FloatVector a4 = all(s.get(JAVA_FLOAT, a + 4 * aRow));
      c40 = a4.fma(b0, c40);
      c41 = a4.fma(b1, c41);
      FloatVector a5 = all(s.get(JAVA_FLOAT, a + 5 * aRow));
      c50 = a5.fma(b0, c50);
      c51 = a5.fma(b1, c51);
      FloatVector a6 = all(s.get(JAVA_FLOAT, a + 6 * aRow));
      c60 = a6.fma(b0, c60);
      c61 = a6.fma(b1, c61);
      FloatVector a7 = all(s.get(JAVA_FLOAT, a + 7 * aRow));
      c70 = a7.fma(b0, c70);
      c71 = a7.fma(b1, c71);
      a += aK;
      b += bRow;
    }
    put(s, c00, c, add);
    put(s, c01, c + BYTES, add);
    put(s, c10, c + cRow, add);
    put(s, c11, c + cRow + BYTES, add);
    put(s, c20, c + 2 * cRow, add);
    put(s, c21, c + 2 * cRow + BYTES, add);
    put(s, c30, c + 3 * cRow, add);
    put(s, c31, c + 3 * cRow + BYTES, add);
    put(s, c40, c + 4 * cRow, add);
    put(s, c41, c + 4 * cRow + BYTES, add);
    put(s, c50, c + 5 * cRow, add);
    put(s, c51, c + 5 * cRow + BYTES, add);
    put(s, c60, c + 6 * cRow, add);
    put(s, c61, c + 6 * cRow + BYTES, add);
    put(s, c70, c + 7 * cRow, add);
    put(s, c71, c + 7 * cRow + BYTES, add);
  }

  private static void tile4x2(MemorySegment s, int k, long a, long aRow, long aK, long b, long bRow, long c, long cRow, boolean add) {
    FloatVector c00 = all(0f);
    FloatVector c01 = all(0f);
    FloatVector c10 = all(0f);
    FloatVector c11 = all(0f);
    FloatVector c20 = all(0f);
    FloatVector c21 = all(0f);
    FloatVector c30 = all(0f);
    FloatVector c31 = all(0f);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(s, b);
      FloatVector b1 = load(s, b + BYTES);
      FloatVector a0 = all(s.get(JAVA_FLOAT, a));
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = all(s.get(JAVA_FLOAT, a + aRow));
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = all(s.get(JAVA_FLOAT, a + 2 * aRow));
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = all(s.get(JAVA_FLOAT, a + 3 * aRow));
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      a += aK;
      b += bRow;
    }
    put(s, c00, c, add);
    put(s, c01, c + BYTES, add);
    put(s, c10, c + cRow, add);
    put(s, c11, c + cRow + BYTES, add);
    put(s, c20, c + 2 * cRow, add);
    put(s, c21, c + 2 * cRow + BYTES, add);
    put(s, c30, c + 3 * cRow, add);
    put(s, c31, c + 3 * cRow + BYTES, add);
  }

  private static void tile4x1(MemorySegment s, int k, long a, long aRow, long aK, long b, long bRow, long c, long cRow, boolean add) {
    FloatVector c00 = all(0f);
    FloatVector c10 = all(0f);
    FloatVector c20 = all(0f);
    FloatVector c30 = all(0f);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(s, b);
      FloatVector a0 = all(s.get(JAVA_FLOAT, a));
      c00 = a0.fma(b0, c00);
      FloatVector a1 = all(s.get(JAVA_FLOAT, a + aRow));
      c10 = a1.fma(b0, c10);
      FloatVector a2 = all(s.get(JAVA_FLOAT, a + 2 * aRow));
      c20 = a2.fma(b0, c20);
      FloatVector a3 = all(s.get(JAVA_FLOAT, a + 3 * aRow));
      c30 = a3.fma(b0, c30);
      a += aK;
      b += bRow;
    }
    put(s, c00, c, add);
    put(s, c10, c + cRow, add);
    put(s, c20, c + 2 * cRow, add);
    put(s, c30, c + 3 * cRow, add);
  }

  private static void put(MemorySegment s, FloatVector v, long at, boolean add) {
    store(add ? load(s, at).add(v) : v, s, at);
  }
}
