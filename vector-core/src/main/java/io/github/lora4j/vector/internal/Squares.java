package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Transposes of squares as wide as a vector: stage s exchanges lanes that are 2^s apart. Offsets and distances of rows are bytes.
 */
public final class Squares {
  /** Of each stage: where the lanes of the two results come from. */
  private static final FloatVector[] LOW = new FloatVector[Integer.numberOfTrailingZeros(LANES)];
  private static final FloatVector[] HIGH = new FloatVector[LOW.length];

  static {
    for (int stage = 0; stage < LOW.length; stage++) {
      float[] low = new float[LANES];
      float[] high = new float[LANES];
      for (int i = 0; i < LANES; i++) {
        int step = 1 << stage;
        boolean upper = (i & step) != 0;
        low[i] = upper ? LANES + i - step : i;
        high[i] = upper ? LANES + i : i + step;
      }
      LOW[stage] = FloatVector.fromArray(F, low, 0);
      HIGH[stage] = FloatVector.fromArray(F, high, 0);
    }
  }

  private Squares() {}

  /** to[j, i] = from[i, j] for {@code down} by {@code across} squares; the two may not overlap. */
  public static void transpose(MemorySegment from, long at, long row, int down, int across, MemorySegment to, long toAt, long toRow) {
    for (int i = 0; i < down; i++) {
      for (int j = 0; j < across; j++) {
        square(from, at + i * LANES * row + j * (long) BYTES, row, to, toAt + j * LANES * toRow + i * (long) BYTES, toRow);
      }
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
  private static void exchange(MemorySegment from, long at, long row, MemorySegment to, long toAt, long toRow, int step, FloatVector low,
      FloatVector high) {
    for (int pair = 0; pair < LANES / 2; pair++) {
      long i = (pair & -step) + pair;
      var a = fromMemorySegment(F, from, at + i * row, ORDER);
      var b = fromMemorySegment(F, from, at + (i + step) * row, ORDER);
      low.selectFrom(a, b).intoMemorySegment(to, toAt + i * toRow, ORDER);
      high.selectFrom(a, b).intoMemorySegment(to, toAt + (i + step) * toRow, ORDER);
    }
  }

  /** The same for {@code step} and then for twice as much, by four rows that are kept in registers between. */
  private static void exchangeTwice(MemorySegment from, long at, long row, MemorySegment to, long toAt, long toRow, int step, FloatVector low,
      FloatVector high, FloatVector low2, FloatVector high2) {
    for (int four = 0; four < LANES / 4; four++) {
      long i = 3 * (four & -step) + four;
      long in = at + i * row;
      long out = toAt + i * toRow;
      var a = fromMemorySegment(F, from, in, ORDER);
      var b = fromMemorySegment(F, from, in + step * row, ORDER);
      var c = fromMemorySegment(F, from, in + 2 * step * row, ORDER);
      var d = fromMemorySegment(F, from, in + 3 * step * row, ORDER);
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
