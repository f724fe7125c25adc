package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.SPILL;
import static io.github.lora4j.vector.internal.AttentionScratch.SPILLED;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.FloatVector.zero;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Small dense products inside one scratch segment, the inner loops of attention: C (+)= A·B with C and B in whole vectors,
 * padded by the caller, and A read one float at a time with any two strides, so that it may be transposed. Offsets and strides
 * are bytes; rows come in groups of {@value #ROWS}.
 *
 * <p>A tile is kept in registers over all of k. All rows are done in one call, because a call costs as much as k = 32, and four
 * vectors wide where registers allow, because every float of A must be broadcast. Floats are read as unaligned ones: of the others C2
 * checks the address at each turn, which cost a tenth of all attention.
 */
final class Tiles {
  /** Rows of C are padded to a multiple of this. */
  static final int ROWS = 8;

  private Tiles() {}

  /** C[rows, vectors] = A[rows, k]·B[k, vectors], added to C when {@code add}. */
  static void run(MemorySegment s, int rows, int vectors, int k, long a, long aRow, long aK, long b, long bRow, boolean add, long c,
      long cRow) {
    for (int j = 0, width; j < vectors; j += width) {
      width = Simd.MANY_REGISTERS && vectors - j >= 4 ? 4 : Math.min(2, vectors - j);
      long right = b + (long) j * BYTES;
      long at = c + (long) j * BYTES;
      if (add) {
        for (int i = 0; i < rows; i += SPILLED) {
          int some = Math.min(SPILLED, rows - i);
          tiles(s, some, width, k, a + i * aRow, aRow, aK, right, bRow, SPILL, LINE);
          addSpill(s, some, width, at + i * cRow, cRow);
        }
      } else {
        tiles(s, rows, width, k, a, aRow, aK, right, bRow, at, cRow);
      }
    }
  }

  private static void addSpill(MemorySegment s, int rows, int vectors, long c, long row) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < vectors; j++) {
        long at = c + i * row + (long) j * BYTES;
        var sum = fromMemorySegment(F, s, at, ORDER).add(fromMemorySegment(F, s, SPILL + i * LINE + (long) j * BYTES, ORDER));
        sum.intoMemorySegment(s, at, ORDER);
      }
    }
  }

  /** The tiles themselves only store: with more in them C1 refuses to compile them at all, and C2 never gets to it. */
  private static void tiles(MemorySegment s, int rows, int vectors, int k, long a, long aRow, long aK, long b, long bRow, long c, long cRow) {
    if (vectors == 4) {
      int sixes = rows / 6 * 6;
      tile6x4(s, sixes, k, a, aRow, aK, b, bRow, c, cRow);
      tile2x4(s, rows - sixes, k, a + sixes * aRow, aRow, aK, b, bRow, c + sixes * cRow, cRow);
    } else if (vectors == 1) {
      tile8x1(s, rows, k, a, aRow, aK, b, bRow, c, cRow);
    } else if (Simd.MANY_REGISTERS) {
      tile8x2(s, rows, k, a, aRow, aK, b, bRow, c, cRow);
    } else {
      tile4x2(s, rows, k, a, aRow, aK, b, bRow, c, cRow);
    }
  }

  private static void tile6x4(MemorySegment s, int rows, int k, long aFirst, long aRow, long aK, long bFirst, long bRow, long c,
      long cRow) {
    for (int i = 0; i < rows; i += 6) {
      FloatVector c00 = zero(F);
      FloatVector c01 = zero(F);
      FloatVector c02 = zero(F);
      FloatVector c03 = zero(F);
      FloatVector c10 = zero(F);
      FloatVector c11 = zero(F);
      FloatVector c12 = zero(F);
      FloatVector c13 = zero(F);
      FloatVector c20 = zero(F);
      FloatVector c21 = zero(F);
      FloatVector c22 = zero(F);
      FloatVector c23 = zero(F);
      FloatVector c30 = zero(F);
      FloatVector c31 = zero(F);
      FloatVector c32 = zero(F);
      FloatVector c33 = zero(F);
      FloatVector c40 = zero(F);
      FloatVector c41 = zero(F);
      FloatVector c42 = zero(F);
      FloatVector c43 = zero(F);
      FloatVector c50 = zero(F);
      FloatVector c51 = zero(F);
      FloatVector c52 = zero(F);
      FloatVector c53 = zero(F);
      long a = aFirst + i * aRow;
      long b = bFirst;
      for (int p = 0; p < k; p++) {
        FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
        FloatVector b1 = fromMemorySegment(F, s, b + BYTES, ORDER);
        FloatVector b2 = fromMemorySegment(F, s, b + 2 * BYTES, ORDER);
        FloatVector b3 = fromMemorySegment(F, s, b + 3 * BYTES, ORDER);
        FloatVector x0 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a));
        c00 = x0.fma(b0, c00);
        c01 = x0.fma(b1, c01);
        c02 = x0.fma(b2, c02);
        c03 = x0.fma(b3, c03);
        FloatVector x1 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + aRow));
        c10 = x1.fma(b0, c10);
        c11 = x1.fma(b1, c11);
        c12 = x1.fma(b2, c12);
        c13 = x1.fma(b3, c13);
        FloatVector x2 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 2 * aRow));
        c20 = x2.fma(b0, c20);
        c21 = x2.fma(b1, c21);
        c22 = x2.fma(b2, c22);
        c23 = x2.fma(b3, c23);
        FloatVector x3 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 3 * aRow));
        c30 = x3.fma(b0, c30);
        c31 = x3.fma(b1, c31);
        c32 = x3.fma(b2, c32);
        c33 = x3.fma(b3, c33);
        FloatVector x4 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 4 * aRow));
        c40 = x4.fma(b0, c40);
        c41 = x4.fma(b1, c41);
        c42 = x4.fma(b2, c42);
        c43 = x4.fma(b3, c43);
        FloatVector x5 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 5 * aRow));
        c50 = x5.fma(b0, c50);
        c51 = x5.fma(b1, c51);
        c52 = x5.fma(b2, c52);
        c53 = x5.fma(b3, c53);
        a += aK;
        b += bRow;
      }
      c00.intoMemorySegment(s, c, ORDER);
      c01.intoMemorySegment(s, c + BYTES, ORDER);
      c02.intoMemorySegment(s, c + 2 * BYTES, ORDER);
      c03.intoMemorySegment(s, c + 3 * BYTES, ORDER);
      c10.intoMemorySegment(s, c + cRow, ORDER);
      c11.intoMemorySegment(s, c + cRow + BYTES, ORDER);
      c12.intoMemorySegment(s, c + cRow + 2 * BYTES, ORDER);
      c13.intoMemorySegment(s, c + cRow + 3 * BYTES, ORDER);
      c20.intoMemorySegment(s, c + 2 * cRow, ORDER);
      c21.intoMemorySegment(s, c + 2 * cRow + BYTES, ORDER);
      c22.intoMemorySegment(s, c + 2 * cRow + 2 * BYTES, ORDER);
      c23.intoMemorySegment(s, c + 2 * cRow + 3 * BYTES, ORDER);
      c30.intoMemorySegment(s, c + 3 * cRow, ORDER);
      c31.intoMemorySegment(s, c + 3 * cRow + BYTES, ORDER);
      c32.intoMemorySegment(s, c + 3 * cRow + 2 * BYTES, ORDER);
      c33.intoMemorySegment(s, c + 3 * cRow + 3 * BYTES, ORDER);
      c40.intoMemorySegment(s, c + 4 * cRow, ORDER);
      c41.intoMemorySegment(s, c + 4 * cRow + BYTES, ORDER);
      c42.intoMemorySegment(s, c + 4 * cRow + 2 * BYTES, ORDER);
      c43.intoMemorySegment(s, c + 4 * cRow + 3 * BYTES, ORDER);
      c50.intoMemorySegment(s, c + 5 * cRow, ORDER);
      c51.intoMemorySegment(s, c + 5 * cRow + BYTES, ORDER);
      c52.intoMemorySegment(s, c + 5 * cRow + 2 * BYTES, ORDER);
      c53.intoMemorySegment(s, c + 5 * cRow + 3 * BYTES, ORDER);
      c += 6 * cRow;
    }
  }

  private static void tile2x4(MemorySegment s, int rows, int k, long aFirst, long aRow, long aK, long bFirst, long bRow, long c,
      long cRow) {
    for (int i = 0; i < rows; i += 2) {
      FloatVector c00 = zero(F);
      FloatVector c01 = zero(F);
      FloatVector c02 = zero(F);
      FloatVector c03 = zero(F);
      FloatVector c10 = zero(F);
      FloatVector c11 = zero(F);
      FloatVector c12 = zero(F);
      FloatVector c13 = zero(F);
      long a = aFirst + i * aRow;
      long b = bFirst;
      for (int p = 0; p < k; p++) {
        FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
        FloatVector b1 = fromMemorySegment(F, s, b + BYTES, ORDER);
        FloatVector b2 = fromMemorySegment(F, s, b + 2 * BYTES, ORDER);
        FloatVector b3 = fromMemorySegment(F, s, b + 3 * BYTES, ORDER);
        FloatVector x0 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a));
        c00 = x0.fma(b0, c00);
        c01 = x0.fma(b1, c01);
        c02 = x0.fma(b2, c02);
        c03 = x0.fma(b3, c03);
        FloatVector x1 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + aRow));
        c10 = x1.fma(b0, c10);
        c11 = x1.fma(b1, c11);
        c12 = x1.fma(b2, c12);
        c13 = x1.fma(b3, c13);
        a += aK;
        b += bRow;
      }
      c00.intoMemorySegment(s, c, ORDER);
      c01.intoMemorySegment(s, c + BYTES, ORDER);
      c02.intoMemorySegment(s, c + 2 * BYTES, ORDER);
      c03.intoMemorySegment(s, c + 3 * BYTES, ORDER);
      c10.intoMemorySegment(s, c + cRow, ORDER);
      c11.intoMemorySegment(s, c + cRow + BYTES, ORDER);
      c12.intoMemorySegment(s, c + cRow + 2 * BYTES, ORDER);
      c13.intoMemorySegment(s, c + cRow + 3 * BYTES, ORDER);
      c += 2 * cRow;
    }
  }

  private static void tile8x2(MemorySegment s, int rows, int k, long aFirst, long aRow, long aK, long bFirst, long bRow, long c,
      long cRow) {
    for (int i = 0; i < rows; i += 8) {
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
      long a = aFirst + i * aRow;
      long b = bFirst;
      for (int p = 0; p < k; p++) {
        FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
        FloatVector b1 = fromMemorySegment(F, s, b + BYTES, ORDER);
        FloatVector x0 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a));
        c00 = x0.fma(b0, c00);
        c01 = x0.fma(b1, c01);
        FloatVector x1 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + aRow));
        c10 = x1.fma(b0, c10);
        c11 = x1.fma(b1, c11);
        FloatVector x2 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 2 * aRow));
        c20 = x2.fma(b0, c20);
        c21 = x2.fma(b1, c21);
        FloatVector x3 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 3 * aRow));
        c30 = x3.fma(b0, c30);
        c31 = x3.fma(b1, c31);
        FloatVector x4 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 4 * aRow));
        c40 = x4.fma(b0, c40);
        c41 = x4.fma(b1, c41);
        FloatVector x5 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 5 * aRow));
        c50 = x5.fma(b0, c50);
        c51 = x5.fma(b1, c51);
        FloatVector x6 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 6 * aRow));
        c60 = x6.fma(b0, c60);
        c61 = x6.fma(b1, c61);
        FloatVector x7 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 7 * aRow));
        c70 = x7.fma(b0, c70);
        c71 = x7.fma(b1, c71);
        a += aK;
        b += bRow;
      }
      c00.intoMemorySegment(s, c, ORDER);
      c01.intoMemorySegment(s, c + BYTES, ORDER);
      c10.intoMemorySegment(s, c + cRow, ORDER);
      c11.intoMemorySegment(s, c + cRow + BYTES, ORDER);
      c20.intoMemorySegment(s, c + 2 * cRow, ORDER);
      c21.intoMemorySegment(s, c + 2 * cRow + BYTES, ORDER);
      c30.intoMemorySegment(s, c + 3 * cRow, ORDER);
      c31.intoMemorySegment(s, c + 3 * cRow + BYTES, ORDER);
      c40.intoMemorySegment(s, c + 4 * cRow, ORDER);
      c41.intoMemorySegment(s, c + 4 * cRow + BYTES, ORDER);
      c50.intoMemorySegment(s, c + 5 * cRow, ORDER);
      c51.intoMemorySegment(s, c + 5 * cRow + BYTES, ORDER);
      c60.intoMemorySegment(s, c + 6 * cRow, ORDER);
      c61.intoMemorySegment(s, c + 6 * cRow + BYTES, ORDER);
      c70.intoMemorySegment(s, c + 7 * cRow, ORDER);
      c71.intoMemorySegment(s, c + 7 * cRow + BYTES, ORDER);
      c += 8 * cRow;
    }
  }

  private static void tile4x2(MemorySegment s, int rows, int k, long aFirst, long aRow, long aK, long bFirst, long bRow, long c,
      long cRow) {
    for (int i = 0; i < rows; i += 4) {
      FloatVector c00 = zero(F);
      FloatVector c01 = zero(F);
      FloatVector c10 = zero(F);
      FloatVector c11 = zero(F);
      FloatVector c20 = zero(F);
      FloatVector c21 = zero(F);
      FloatVector c30 = zero(F);
      FloatVector c31 = zero(F);
      long a = aFirst + i * aRow;
      long b = bFirst;
      for (int p = 0; p < k; p++) {
        FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
        FloatVector b1 = fromMemorySegment(F, s, b + BYTES, ORDER);
        FloatVector x0 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a));
        c00 = x0.fma(b0, c00);
        c01 = x0.fma(b1, c01);
        FloatVector x1 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + aRow));
        c10 = x1.fma(b0, c10);
        c11 = x1.fma(b1, c11);
        FloatVector x2 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 2 * aRow));
        c20 = x2.fma(b0, c20);
        c21 = x2.fma(b1, c21);
        FloatVector x3 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 3 * aRow));
        c30 = x3.fma(b0, c30);
        c31 = x3.fma(b1, c31);
        a += aK;
        b += bRow;
      }
      c00.intoMemorySegment(s, c, ORDER);
      c01.intoMemorySegment(s, c + BYTES, ORDER);
      c10.intoMemorySegment(s, c + cRow, ORDER);
      c11.intoMemorySegment(s, c + cRow + BYTES, ORDER);
      c20.intoMemorySegment(s, c + 2 * cRow, ORDER);
      c21.intoMemorySegment(s, c + 2 * cRow + BYTES, ORDER);
      c30.intoMemorySegment(s, c + 3 * cRow, ORDER);
      c31.intoMemorySegment(s, c + 3 * cRow + BYTES, ORDER);
      c += 4 * cRow;
    }
  }

  private static void tile8x1(MemorySegment s, int rows, int k, long aFirst, long aRow, long aK, long bFirst, long bRow, long c,
      long cRow) {
    for (int i = 0; i < rows; i += 8) {
      FloatVector c00 = zero(F);
      FloatVector c10 = zero(F);
      FloatVector c20 = zero(F);
      FloatVector c30 = zero(F);
      FloatVector c40 = zero(F);
      FloatVector c50 = zero(F);
      FloatVector c60 = zero(F);
      FloatVector c70 = zero(F);
      long a = aFirst + i * aRow;
      long b = bFirst;
      for (int p = 0; p < k; p++) {
        FloatVector b0 = fromMemorySegment(F, s, b, ORDER);
        FloatVector x0 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a));
        c00 = x0.fma(b0, c00);
        FloatVector x1 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + aRow));
        c10 = x1.fma(b0, c10);
        FloatVector x2 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 2 * aRow));
        c20 = x2.fma(b0, c20);
        FloatVector x3 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 3 * aRow));
        c30 = x3.fma(b0, c30);
        FloatVector x4 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 4 * aRow));
        c40 = x4.fma(b0, c40);
        FloatVector x5 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 5 * aRow));
        c50 = x5.fma(b0, c50);
        FloatVector x6 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 6 * aRow));
        c60 = x6.fma(b0, c60);
        FloatVector x7 = broadcast(F, s.get(JAVA_FLOAT_UNALIGNED, a + 7 * aRow));
        c70 = x7.fma(b0, c70);
        a += aK;
        b += bRow;
      }
      c00.intoMemorySegment(s, c, ORDER);
      c10.intoMemorySegment(s, c + cRow, ORDER);
      c20.intoMemorySegment(s, c + 2 * cRow, ORDER);
      c30.intoMemorySegment(s, c + 3 * cRow, ORDER);
      c40.intoMemorySegment(s, c + 4 * cRow, ORDER);
      c50.intoMemorySegment(s, c + 5 * cRow, ORDER);
      c60.intoMemorySegment(s, c + 6 * cRow, ORDER);
      c70.intoMemorySegment(s, c + 7 * cRow, ORDER);
      c += 8 * cRow;
    }
  }
}
