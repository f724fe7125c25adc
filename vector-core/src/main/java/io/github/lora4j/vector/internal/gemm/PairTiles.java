package io.github.lora4j.vector.internal.gemm;

import static io.github.lora4j.vector.internal.gemm.Lanes.FLOAT;
import static io.github.lora4j.vector.internal.gemm.Lanes.NATIVE;
import static io.github.lora4j.vector.internal.gemm.Lanes.SPECIES;
import static io.github.lora4j.vector.internal.gemm.Lanes.bytes;

import io.github.lora4j.vector.Gemm.Form;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Micro-kernel for up to eight columns with vectors of sixteen floats: a vector holds the products of two steps of k with eight columns each,
 * so none of it is idle. Rows of A are loaded sixteen floats at a time and spread within the register, which takes half the loads of
 * a broadcast for each element, and half the time.
 *
 * <p>Each element is four chains of fused multiply-adds, k mod 4 apart, added in pairs.
 */
final class PairTiles {

  /** Rows of a tile. */
  static final int ROWS = 4;
  /** Columns of a tile. */
  static final int COLUMNS = 8;
  /** Whether vectors are as long as this needs. */
  static final boolean SUITS = Lanes.MANY_REGISTERS && Lanes.COUNT == 2 * COLUMNS;

  private static final VectorShuffle<Float> PAIR0 = pair(0);
  private static final VectorShuffle<Float> PAIR1 = pair(1);
  private static final VectorShuffle<Float> PAIR2 = pair(2);
  private static final VectorShuffle<Float> PAIR3 = pair(3);
  private static final VectorShuffle<Float> PAIR4 = pair(4);
  private static final VectorShuffle<Float> PAIR5 = pair(5);
  private static final VectorShuffle<Float> PAIR6 = pair(6);
  private static final VectorShuffle<Float> PAIR7 = pair(7);
  private static final VectorShuffle<Float> HALVES = VectorShuffle.fromOp(SPECIES, lane -> (lane + COLUMNS) % Lanes.COUNT);

  private PairTiles() {}

  private static VectorShuffle<Float> pair(int step) {
    return VectorShuffle.fromOp(SPECIES, lane -> (2 * step + lane / COLUMNS) % Lanes.COUNT);
  }

  /** Packs B, row by row of k, with zeros behind its last column. */
  static void pack(Form form, int n, int k, MemorySegment source, MemorySegment to, long start) {
    for (int j = 0; j < COLUMNS; j++) {
      boolean there = j < n;
      long from = bytes(form == Form.NT ? (long) j * k : j);
      long step = bytes(form == Form.NT ? 1 : n);
      for (int p = 0; p < k; p++) {
        to.set(FLOAT, start + bytes((long) p * COLUMNS + j), there ? source.get(FLOAT, from + p * step) : 0);
      }
    }
  }

  /**
   * Sums of {@code rows} rows with packed columns, to rows of eight floats in {@code t}, with room for eight more behind the last; k is a
   * multiple of sixteen.
   */
  static void run(MemorySegment a, long row0, long rowBytes, int rows, MemorySegment b, long panel, MemorySegment t, long tile, int k) {
    int last = rows - 1;
    long row1 = row0 + Math.min(1, last) * rowBytes;
    long row2 = row0 + Math.min(2, last) * rowBytes;
    long row3 = row0 + Math.min(3, last) * rowBytes;
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector even0 = zero, odd0 = zero;
    FloatVector even1 = zero, odd1 = zero;
    FloatVector even2 = zero, odd2 = zero;
    FloatVector even3 = zero, odd3 = zero;
    for (int p = 0; p < k; p += 16) {
      FloatVector x0 = FloatVector.fromMemorySegment(SPECIES, a, row0 + p * 4L, NATIVE);
      FloatVector x1 = FloatVector.fromMemorySegment(SPECIES, a, row1 + p * 4L, NATIVE);
      FloatVector x2 = FloatVector.fromMemorySegment(SPECIES, a, row2 + p * 4L, NATIVE);
      FloatVector x3 = FloatVector.fromMemorySegment(SPECIES, a, row3 + p * 4L, NATIVE);
      FloatVector y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L, NATIVE);
      even0 = x0.rearrange(PAIR0).fma(y, even0);
      even1 = x1.rearrange(PAIR0).fma(y, even1);
      even2 = x2.rearrange(PAIR0).fma(y, even2);
      even3 = x3.rearrange(PAIR0).fma(y, even3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 64, NATIVE);
      odd0 = x0.rearrange(PAIR1).fma(y, odd0);
      odd1 = x1.rearrange(PAIR1).fma(y, odd1);
      odd2 = x2.rearrange(PAIR1).fma(y, odd2);
      odd3 = x3.rearrange(PAIR1).fma(y, odd3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 128, NATIVE);
      even0 = x0.rearrange(PAIR2).fma(y, even0);
      even1 = x1.rearrange(PAIR2).fma(y, even1);
      even2 = x2.rearrange(PAIR2).fma(y, even2);
      even3 = x3.rearrange(PAIR2).fma(y, even3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 192, NATIVE);
      odd0 = x0.rearrange(PAIR3).fma(y, odd0);
      odd1 = x1.rearrange(PAIR3).fma(y, odd1);
      odd2 = x2.rearrange(PAIR3).fma(y, odd2);
      odd3 = x3.rearrange(PAIR3).fma(y, odd3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 256, NATIVE);
      even0 = x0.rearrange(PAIR4).fma(y, even0);
      even1 = x1.rearrange(PAIR4).fma(y, even1);
      even2 = x2.rearrange(PAIR4).fma(y, even2);
      even3 = x3.rearrange(PAIR4).fma(y, even3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 320, NATIVE);
      odd0 = x0.rearrange(PAIR5).fma(y, odd0);
      odd1 = x1.rearrange(PAIR5).fma(y, odd1);
      odd2 = x2.rearrange(PAIR5).fma(y, odd2);
      odd3 = x3.rearrange(PAIR5).fma(y, odd3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 384, NATIVE);
      even0 = x0.rearrange(PAIR6).fma(y, even0);
      even1 = x1.rearrange(PAIR6).fma(y, even1);
      even2 = x2.rearrange(PAIR6).fma(y, even2);
      even3 = x3.rearrange(PAIR6).fma(y, even3);
      y = FloatVector.fromMemorySegment(SPECIES, b, panel + p * 32L + 448, NATIVE);
      odd0 = x0.rearrange(PAIR7).fma(y, odd0);
      odd1 = x1.rearrange(PAIR7).fma(y, odd1);
      odd2 = x2.rearrange(PAIR7).fma(y, odd2);
      odd3 = x3.rearrange(PAIR7).fma(y, odd3);
    }
    even0 = even0.add(odd0);
    even1 = even1.add(odd1);
    even2 = even2.add(odd2);
    even3 = even3.add(odd3);
    // The upper half of what is written is free for the next row.
    even0.add(even0.rearrange(HALVES)).intoMemorySegment(t, tile, NATIVE);
    even1.add(even1.rearrange(HALVES)).intoMemorySegment(t, tile + 32, NATIVE);
    even2.add(even2.rearrange(HALVES)).intoMemorySegment(t, tile + 64, NATIVE);
    even3.add(even3.rearrange(HALVES)).intoMemorySegment(t, tile + 96, NATIVE);
  }
}
