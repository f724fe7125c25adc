package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.whole;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;

/**
 * Where things lie in the scratch of {@link Attention}, in bytes, given the bytes of a row of a head padded to whole vectors.
 * Scores are kept with a key per row and a query per lane: the softmax then needs no sum across lanes, and every product reads
 * its right operand in whole vectors. Static, because an object per call would be garbage in a training step.
 */
final class AttentionScratch {
  /** Vectors of queries worked on at once: what the widest of {@link Tiles} takes. */
  static final int VECTORS = Simd.MANY_REGISTERS ? 4 : 2;
  /** Queries worked on at once. */
  static final int QUERIES = VECTORS * LANES;
  /** Bytes of a number per query: a row of scores, a transposed row of queries, a statistic. */
  static final long LINE = (long) VECTORS * BYTES;
  /** Keys whose scores are held at once; backward, all are. */
  static final int TILE = 256;

  /** [TILE] lines: scores, then their exponentials. */
  static final long P = 0;
  /** The greatest score of each query so far; backward, the log of the sum of exponentials. */
  static final long MAX = TILE * LINE;
  /** The sum of exponentials so far; backward, Σ p·dp / Σ p over the keys. */
  static final long TOTAL = MAX + LINE;
  /** What the sums so far shrink by as the greatest score grows; at the end, the reciprocal of the sum of exponentials. */
  static final long SHRINK = TOTAL + LINE;
  /** How many keys each query sees. */
  static final long SEEN = SHRINK + LINE;
  /** Lines that {@link Tiles} adds at once. */
  static final int SPILLED = 48;
  /** [SPILLED] lines: tiles on their way to be added. */
  static final long SPILL = SEEN + LINE;
  /** [QUERIES] rows: queries times the scale; at the end, rows on their way out. */
  static final long Q = SPILL + SPILLED * LINE;

  private AttentionScratch() {}

  static long row(int headDim) {
    return pad(headDim, Math.max(LANES, Tiles.ROWS)) * 4L;
  }

  static int pad(int n, int multiple) {
    return (n + multiple - 1) / multiple * multiple;
  }

  /** [row/4] lines: queries times the scale, transposed. */
  static long qT(long row) {
    return Q + QUERIES * row;
  }

  /** [row/4] lines: the output, or the gradient of the queries, being summed, transposed. */
  static long sumT(long row) {
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

  /** A line for each key, padded likewise: backward, scores, then probabilities. */
  static long p(long row, int keys) {
    return keyRows(4, row, keys);
  }

  /**
   * A line for each key: gradients of the probabilities, then of the scores. A vector off those of {@link #p}, as a read that agrees in its
   * low bits with a write shortly before it waits for it.
   */
  static long dP(long row, int keys) {
    return p(row, keys) + pad(keys, Tiles.ROWS) * LINE + BYTES;
  }

  /** A line: the first key that each query sees. Behind all else, for only windows have it; {@link #dP} is padded to squares. */
  static long from(long row, int keys) {
    return dP(row, keys) + pad(keys, Math.max(LANES, Tiles.ROWS)) * LINE;
  }

  /** A float for each sum of a key and a query of a block: biases by their distance, the farthest key's first. */
  static long bias(long row, int keys) {
    return from(row, keys) + LINE;
  }

  /** A line for each key: backward, the derivative of the cap at each score. */
  static long slope(long row, int keys) {
    return bias(row, keys) + pad(keys + 2 * QUERIES, LANES) * 4L;
  }

  static long end(long row, int keys, boolean capped) {
    return slope(row, keys) + (capped ? pad(keys, Tiles.ROWS) * LINE : 0);
  }

  /** Copies {@code count} rows of {@code cols} floats, times a factor, to padded rows, and clears the rows up to {@code padded}. */
  static void load(MemorySegment from, long at, long stride, int count, int cols, float factor, MemorySegment scratch, long to, long row,
      int padded) {
    long whole = whole(0, cols * 4L);
    if (whole < row) {
      Simd.zero(scratch, to, count * row);
    }
    for (long j = 0; j < whole; j += BYTES) {
      for (int i = 0; i < count; i++) {
        fromMemorySegment(F, from, at + i * stride + j, ORDER).mul(factor).intoMemorySegment(scratch, to + i * row + j, ORDER);
      }
    }
    for (long j = whole; j < cols * 4L; j += 4) {
      for (int i = 0; i < count; i++) {
        scratch.set(JAVA_FLOAT, to + i * row + j, from.get(JAVA_FLOAT, at + i * stride + j) * factor);
      }
    }
    Simd.zero(scratch, to + count * row, (padded - count) * row);
  }

  /** Copies {@code count} padded rows to rows of {@code cols} floats. */
  static void store(MemorySegment scratch, long from, long row, int count, int cols, MemorySegment to, long at, long stride) {
    long whole = whole(0, cols * 4L);
    for (long j = 0; j < whole; j += BYTES) {
      for (int i = 0; i < count; i++) {
        fromMemorySegment(F, scratch, from + i * row + j, ORDER).intoMemorySegment(to, at + i * stride + j, ORDER);
      }
    }
    for (long j = whole; j < cols * 4L; j += 4) {
      for (int i = 0; i < count; i++) {
        to.set(JAVA_FLOAT, at + i * stride + j, scratch.get(JAVA_FLOAT, from + i * row + j));
      }
    }
  }
}
