package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.whole;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Where things lie in the scratch of {@link Attention}, in bytes, given the bytes of a row of a head padded to whole vectors.
 * Scores are kept with a key per row and a query per lane: the softmax then needs no sum across lanes, and every product reads
 * its right operand in whole vectors. Static, because an object per call would be garbage in a training step.
 */
final class AttentionScratch {
  /** Queries worked on at once: two vectors of lanes. */
  static final int QUERIES = 2 * LANES;
  /** Bytes of a number per query: a row of scores, a transposed row of queries, a statistic. */
  static final long LINE = 2L * BYTES;
  /** Keys whose scores are held at once. */
  static final int TILE = 256;

  /** [TILE] lines: scores, then probabilities. */
  static final long P = 0;
  /** [TILE] lines: gradients of the probabilities, then of the scores. */
  static final long DP = TILE * LINE;
  /** The greatest score of each query so far; backward, the log of the sum of exponentials. */
  static final long MAX = 2 * DP;
  /** The sum of exponentials so far; backward, dO·O. */
  static final long TOTAL = MAX + LINE;
  /** What the sums so far shrink by as the greatest score grows. */
  static final long SHRINK = TOTAL + LINE;
  /** How many keys each query sees. */
  static final long SEEN = SHRINK + LINE;
  /** [Tiles.ROWS] lines: a tile on its way to be added. */
  static final long SPILL = SEEN + LINE;
  /** [QUERIES] rows: queries times the scale. */
  static final long Q = SPILL + Tiles.ROWS * LINE;

  /** Of each stage of a transpose, which exchanges lanes that are 2^stage apart: two rotations, and the upper lane of each pair. */
  private static final int STAGES = Integer.numberOfTrailingZeros(LANES);
  private static final List<VectorShuffle<Float>> FORTH = IntStream.range(0, STAGES).mapToObj(i -> rotate(1 << i)).toList();
  private static final List<VectorShuffle<Float>> BACK = IntStream.range(0, STAGES).mapToObj(i -> rotate(-(1 << i))).toList();
  private static final List<VectorMask<Float>> UPPER = IntStream.range(0, STAGES).mapToObj(AttentionScratch::upper).toList();

  private AttentionScratch() {}

  static long row(int headDim) {
    return pad(headDim, LANES) * 4L;
  }

  static int pad(int n, int multiple) {
    return (n + multiple - 1) / multiple * multiple;
  }

  /** [row/4] lines: queries times the scale, transposed. */
  static long qT(long row) {
    return Q + QUERIES * row;
  }

  /** [QUERIES] rows: the output, or the gradient of the queries, being summed. */
  static long sum(long row) {
    return Q + 2 * QUERIES * row;
  }

  /** [QUERIES] rows: gradient of the output. */
  static long dOut(long row) {
    return Q + 3 * QUERIES * row;
  }

  /** [row/4] lines: the same, transposed. */
  static long dOutT(long row) {
    return Q + 4 * QUERIES * row;
  }

  /** Start of array {@code index} of rows for all keys, padded to whole tiles: keys, values, and their gradients. */
  static long keyRows(int index, long row, int keys) {
    return Q + 5 * QUERIES * row + index * pad(keys, Tiles.ROWS) * row;
  }

  /** Copies {@code count} rows of {@code cols} floats, times a factor, to padded rows, and clears the rows up to {@code padded}. */
  static void load(MemorySegment from, long at, long stride, int count, int cols, float factor, MemorySegment scratch, long to, long row,
      int padded) {
    for (int i = 0; i < count; i++) {
      copyRow(from, at + i * stride, cols * 4L, factor, scratch, to + i * row);
    }
    Simd.zero(scratch, to + count * row, (padded - count) * row);
  }

  private static void copyRow(MemorySegment from, long at, long bytes, float factor, MemorySegment scratch, long to) {
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      Simd.store(Simd.load(from, at + j).mul(factor), scratch, to + j);
    }
    if (j < bytes) {
      Simd.store(Simd.load(from, at + j, rest(j, bytes)).mul(factor), scratch, to + j);
    }
  }

  /** Writes a padded row times a factor to {@code cols} floats. */
  static void writeRow(MemorySegment scratch, long from, int cols, float factor, MemorySegment to, long at) {
    long j = 0;
    long bytes = cols * 4L;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      Simd.store(Simd.load(scratch, from + j).mul(factor), to, at + j);
    }
    if (j < bytes) {
      Simd.store(Simd.load(scratch, from + j).mul(factor), to, at + j, rest(j, bytes));
    }
  }

  /** Transposes the padded rows of a block of queries to lines, a square of lanes at a time. */
  static void transpose(MemorySegment scratch, long from, long to, long row) {
    for (int vector = 0; vector < 2; vector++) {
      for (long d = 0; d < row / BYTES; d++) {
        long square = to + d * LANES * LINE + vector * (long) BYTES;
        for (int i = 0; i < LANES; i++) {
          Simd.store(Simd.load(scratch, from + (vector * LANES + i) * row + d * BYTES), scratch, square + i * LINE);
        }
        for (int stage = 0; stage < STAGES; stage++) {
          exchange(scratch, square, 1 << stage, FORTH.get(stage), BACK.get(stage), UPPER.get(stage));
        }
      }
    }
  }

  /** Exchanges squares of side {@code step} across the diagonal of every square twice as large. */
  private static void exchange(MemorySegment s, long square, int step, VectorShuffle<Float> forth, VectorShuffle<Float> back,
      VectorMask<Float> upper) {
    for (int pair = 0; pair < LANES / 2; pair++) {
      long at = square + (pair / step * 2 * step + pair % step) * LINE;
      long other = at + step * LINE;
      var a = Simd.load(s, at);
      var b = Simd.load(s, other);
      Simd.store(a.blend(b.rearrange(back), upper), s, at);
      Simd.store(a.rearrange(forth).blend(b, upper), s, other);
    }
  }

  private static VectorShuffle<Float> rotate(int by) {
    return VectorShuffle.fromOp(Simd.F, i -> i + by & LANES - 1);
  }

  private static VectorMask<Float> upper(int stage) {
    boolean[] lanes = new boolean[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = (i >> stage & 1) == 1;
    }
    return VectorMask.fromArray(Simd.F, lanes, 0);
  }
}
