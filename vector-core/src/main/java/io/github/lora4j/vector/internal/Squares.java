package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.I;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static jdk.incubator.vector.IntVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;

/**
 * Transposes of squares as wide as a vector: stage s exchanges lanes that are 2^s apart. Offsets and distances of rows are bytes.
 */
public final class Squares {
  /** Of each stage: where the lanes of the two results come from. */
  private static final IntVector[] LOW = new IntVector[Integer.numberOfTrailingZeros(LANES)];
  private static final IntVector[] HIGH = new IntVector[LOW.length];

  static {
    for (int stage = 0; stage < LOW.length; stage++) {
      int[] low = new int[LANES];
      int[] high = new int[LANES];
      for (int i = 0; i < LANES; i++) {
        int step = 1 << stage;
        boolean upper = (i & step) != 0;
        low[i] = upper ? LANES + i - step : i;
        high[i] = upper ? LANES + i : i + step;
      }
      LOW[stage] = IntVector.fromArray(I, low, 0);
      HIGH[stage] = IntVector.fromArray(I, high, 0);
    }
  }

  private Squares() {}

  /** to[j, i] = from[i, j] for {@code down} by {@code across} squares; the two may not overlap. */
  public static void transpose(MemorySegment from, long at, long row, int down, int across, MemorySegment to, long toAt, long toRow) {
    if (LANES == 16) {
      sixteens(from, at, row, down, across, to, toAt, toRow);
      return;
    }
    for (int i = 0; i < down; i++) {
      for (int j = 0; j < across; j++) {
        square(from, at + i * LANES * row + j * (long) BYTES, row, to, toAt + j * LANES * toRow + i * (long) BYTES, toRow);
      }
    }
  }

  /**
   * Squares of 16 that stay in registers for all four stages. One loop over all of them, whose addresses C2 does not see through: it would
   * check bounds ahead of the loop and peel turns off it, which takes longer than the few turns there are.
   */
  private static void sixteens(MemorySegment from, long first, long row, int down, int across, MemorySegment to, long toFirst, long toRow) {
    IntVector low0 = LOW[0];
    IntVector high0 = HIGH[0];
    IntVector low1 = LOW[1];
    IntVector high1 = HIGH[1];
    IntVector low2 = LOW[2];
    IntVector high2 = HIGH[2];
    IntVector low3 = LOW[3];
    IntVector high3 = HIGH[3];
    for (int square = 0; square < down * across; square++) {
      int i = square / across;
      int j = square % across;
      long at = first + i * 16 * row + j * 64L;
      long toAt = toFirst + j * 16 * toRow + i * 64L;
      var r0 = fromMemorySegment(I, from, at, ORDER);
      var r1 = fromMemorySegment(I, from, at + 1 * row, ORDER);
      var r2 = fromMemorySegment(I, from, at + 2 * row, ORDER);
      var r3 = fromMemorySegment(I, from, at + 3 * row, ORDER);
      var r4 = fromMemorySegment(I, from, at + 4 * row, ORDER);
      var r5 = fromMemorySegment(I, from, at + 5 * row, ORDER);
      var r6 = fromMemorySegment(I, from, at + 6 * row, ORDER);
      var r7 = fromMemorySegment(I, from, at + 7 * row, ORDER);
      var r8 = fromMemorySegment(I, from, at + 8 * row, ORDER);
      var r9 = fromMemorySegment(I, from, at + 9 * row, ORDER);
      var r10 = fromMemorySegment(I, from, at + 10 * row, ORDER);
      var r11 = fromMemorySegment(I, from, at + 11 * row, ORDER);
      var r12 = fromMemorySegment(I, from, at + 12 * row, ORDER);
      var r13 = fromMemorySegment(I, from, at + 13 * row, ORDER);
      var r14 = fromMemorySegment(I, from, at + 14 * row, ORDER);
      var r15 = fromMemorySegment(I, from, at + 15 * row, ORDER);
      var a0 = low0.selectFrom(r0, r1);
      var a1 = high0.selectFrom(r0, r1);
      var a2 = low0.selectFrom(r2, r3);
      var a3 = high0.selectFrom(r2, r3);
      var a4 = low0.selectFrom(r4, r5);
      var a5 = high0.selectFrom(r4, r5);
      var a6 = low0.selectFrom(r6, r7);
      var a7 = high0.selectFrom(r6, r7);
      var a8 = low0.selectFrom(r8, r9);
      var a9 = high0.selectFrom(r8, r9);
      var a10 = low0.selectFrom(r10, r11);
      var a11 = high0.selectFrom(r10, r11);
      var a12 = low0.selectFrom(r12, r13);
      var a13 = high0.selectFrom(r12, r13);
      var a14 = low0.selectFrom(r14, r15);
      var a15 = high0.selectFrom(r14, r15);
      var b0 = low1.selectFrom(a0, a2);
      var b2 = high1.selectFrom(a0, a2);
      var b1 = low1.selectFrom(a1, a3);
      var b3 = high1.selectFrom(a1, a3);
      var b4 = low1.selectFrom(a4, a6);
      var b6 = high1.selectFrom(a4, a6);
      var b5 = low1.selectFrom(a5, a7);
      var b7 = high1.selectFrom(a5, a7);
      var b8 = low1.selectFrom(a8, a10);
      var b10 = high1.selectFrom(a8, a10);
      var b9 = low1.selectFrom(a9, a11);
      var b11 = high1.selectFrom(a9, a11);
      var b12 = low1.selectFrom(a12, a14);
      var b14 = high1.selectFrom(a12, a14);
      var b13 = low1.selectFrom(a13, a15);
      var b15 = high1.selectFrom(a13, a15);
      var c0 = low2.selectFrom(b0, b4);
      var c4 = high2.selectFrom(b0, b4);
      var c1 = low2.selectFrom(b1, b5);
      var c5 = high2.selectFrom(b1, b5);
      var c2 = low2.selectFrom(b2, b6);
      var c6 = high2.selectFrom(b2, b6);
      var c3 = low2.selectFrom(b3, b7);
      var c7 = high2.selectFrom(b3, b7);
      var c8 = low2.selectFrom(b8, b12);
      var c12 = high2.selectFrom(b8, b12);
      var c9 = low2.selectFrom(b9, b13);
      var c13 = high2.selectFrom(b9, b13);
      var c10 = low2.selectFrom(b10, b14);
      var c14 = high2.selectFrom(b10, b14);
      var c11 = low2.selectFrom(b11, b15);
      var c15 = high2.selectFrom(b11, b15);
      var d0 = low3.selectFrom(c0, c8);
      var d8 = high3.selectFrom(c0, c8);
      var d1 = low3.selectFrom(c1, c9);
      var d9 = high3.selectFrom(c1, c9);
      var d2 = low3.selectFrom(c2, c10);
      var d10 = high3.selectFrom(c2, c10);
      var d3 = low3.selectFrom(c3, c11);
      var d11 = high3.selectFrom(c3, c11);
      var d4 = low3.selectFrom(c4, c12);
      var d12 = high3.selectFrom(c4, c12);
      var d5 = low3.selectFrom(c5, c13);
      var d13 = high3.selectFrom(c5, c13);
      var d6 = low3.selectFrom(c6, c14);
      var d14 = high3.selectFrom(c6, c14);
      var d7 = low3.selectFrom(c7, c15);
      var d15 = high3.selectFrom(c7, c15);
      d0.intoMemorySegment(to, toAt, ORDER);
      d1.intoMemorySegment(to, toAt + 1 * toRow, ORDER);
      d2.intoMemorySegment(to, toAt + 2 * toRow, ORDER);
      d3.intoMemorySegment(to, toAt + 3 * toRow, ORDER);
      d4.intoMemorySegment(to, toAt + 4 * toRow, ORDER);
      d5.intoMemorySegment(to, toAt + 5 * toRow, ORDER);
      d6.intoMemorySegment(to, toAt + 6 * toRow, ORDER);
      d7.intoMemorySegment(to, toAt + 7 * toRow, ORDER);
      d8.intoMemorySegment(to, toAt + 8 * toRow, ORDER);
      d9.intoMemorySegment(to, toAt + 9 * toRow, ORDER);
      d10.intoMemorySegment(to, toAt + 10 * toRow, ORDER);
      d11.intoMemorySegment(to, toAt + 11 * toRow, ORDER);
      d12.intoMemorySegment(to, toAt + 12 * toRow, ORDER);
      d13.intoMemorySegment(to, toAt + 13 * toRow, ORDER);
      d14.intoMemorySegment(to, toAt + 14 * toRow, ORDER);
      d15.intoMemorySegment(to, toAt + 15 * toRow, ORDER);
    }
  }

  /** Two stages at a time, and one that is left over. */
  private static void square(MemorySegment from, long at, long row, MemorySegment to, long toAt, long toRow) {
    if (LOW.length == 1) {
      exchange(from, at, row, to, toAt, toRow, 1, LOW[0], HIGH[0]);
      return;
    }
    exchangeTwice(from, at, row, to, toAt, toRow, 1, LOW[0], HIGH[0], LOW[1], HIGH[1]);
    int stage = 2;
    for (; stage + 1 < LOW.length; stage += 2) {
      exchangeTwice(to, toAt, toRow, to, toAt, toRow, 1 << stage, LOW[stage], HIGH[stage], LOW[stage + 1], HIGH[stage + 1]);
    }
    if (stage < LOW.length) {
      exchange(to, toAt, toRow, to, toAt, toRow, 1 << stage, LOW[stage], HIGH[stage]);
    }
  }

  /** Exchanges squares of side {@code step} across the diagonal of every square twice as large. */
  private static void exchange(MemorySegment from, long at, long row, MemorySegment to, long toAt, long toRow, int step, IntVector low,
      IntVector high) {
    for (int pair = 0; pair < LANES / 2; pair++) {
      long i = (long) (pair & -step) + pair;
      var a = fromMemorySegment(I, from, at + i * row, ORDER);
      var b = fromMemorySegment(I, from, at + (i + step) * row, ORDER);
      low.selectFrom(a, b).intoMemorySegment(to, toAt + i * toRow, ORDER);
      high.selectFrom(a, b).intoMemorySegment(to, toAt + (i + step) * toRow, ORDER);
    }
  }

  /** The same for {@code step} and then for twice as much, by four rows that are kept in registers between. */
  private static void exchangeTwice(MemorySegment from, long at, long row, MemorySegment to, long toAt, long toRow, int step, IntVector low,
      IntVector high, IntVector low2, IntVector high2) {
    for (int four = 0; four < LANES / 4; four++) {
      long i = 3L * (four & -step) + four;
      long in = at + i * row;
      long out = toAt + i * toRow;
      var a = fromMemorySegment(I, from, in, ORDER);
      var b = fromMemorySegment(I, from, in + step * row, ORDER);
      var c = fromMemorySegment(I, from, in + 2 * step * row, ORDER);
      var d = fromMemorySegment(I, from, in + 3 * step * row, ORDER);
      var ab = low.selectFrom(a, b);
      var ba = high.selectFrom(a, b);
      var cd = low.selectFrom(c, d);
      var dc = high.selectFrom(c, d);
      low2.selectFrom(ab, cd).intoMemorySegment(to, out, ORDER);
      low2.selectFrom(ba, dc).intoMemorySegment(to, out + step * toRow, ORDER);
      high2.selectFrom(ab, cd).intoMemorySegment(to, out + 2 * step * toRow, ORDER);
      high2.selectFrom(ba, dc).intoMemorySegment(to, out + 3 * step * toRow, ORDER);
    }
  }
}
