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
        long square = toAt + j * LANES * toRow + i * (long) BYTES;
        exchange(from, at + i * LANES * row + j * (long) BYTES, row, to, square, toRow, 1, LOW[0], HIGH[0]);
        for (int stage = 1; stage < LOW.length; stage++) {
          exchange(to, square, toRow, to, square, toRow, 1 << stage, LOW[stage], HIGH[stage]);
        }
      }
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
}
