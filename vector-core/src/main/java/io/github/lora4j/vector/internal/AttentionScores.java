package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.QUERIES;
import static io.github.lora4j.vector.internal.AttentionScratch.SEEN;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;

import io.github.lora4j.vector.AttentionSpec;
import java.lang.foreign.MemorySegment;

/** Scores of a block of queries and a tile of keys, and what {@link AttentionSpec} makes of them: a key a line, a query a lane. */
final class AttentionScores {

  private AttentionScores() {}

  static int pad(int rows) {
    return AttentionScratch.pad(rows, Tiles.ROWS);
  }

  static void loadKeys(AttentionSpec spec, MemorySegment from, int start, int length, int kvHead, MemorySegment scratch, long to) {
    int cols = spec.headDim();
    long stride = spec.kvHeads() * cols * 4L;
    AttentionScratch.load(from, start * stride + kvHead * cols * 4L, stride, length, cols, 1, scratch, to, AttentionScratch.row(cols),
        pad(length));
  }

  static void loadQueries(AttentionSpec spec, MemorySegment from, int start, int queries, int head, float factor, MemorySegment scratch,
      long to, long transposed) {
    int cols = spec.headDim();
    long row = AttentionScratch.row(cols);
    long stride = spec.heads() * cols * 4L;
    AttentionScratch.load(from, start * stride + head * cols * 4L, stride, queries, cols, factor, scratch, to, row,
        AttentionScratch.pad(queries, Simd.LANES));
    Squares.transpose(scratch, to, row, (queries + Simd.LANES - 1) / Simd.LANES, (int) (row / BYTES), scratch, transposed, LINE);
  }

  /** The first key of the first tile that any query from position {@code position} on sees, so that those before cost nothing. */
  static int begin(AttentionSpec spec, int position, int keys) {
    return spec.first(position, keys) / Tiles.ROWS * Tiles.ROWS;
  }

  /**
   * Fills SEEN and the line {@code from}; the result is how many keys the last query of the block sees, those before included, which are all
   * that any of them sees.
   *
   * @param position of the block's first query
   */
  static int visible(AttentionSpec spec, MemorySegment scratch, long from, int position, int queries, int keys) {
    for (int lane = 0; spec.ends() && lane < QUERIES; lane++) {
      scratch.set(JAVA_FLOAT, SEEN + 4 * lane, spec.end(position + lane, keys));
    }
    for (int lane = 0; spec.window() > 0 && lane < QUERIES; lane++) {
      scratch.set(JAVA_FLOAT_UNALIGNED, from + 4 * lane, spec.first(position + lane, keys));
    }
    return spec.end(position + queries - 1, keys);
  }

  /** p[keys][queries] = keys · queriesᵀ. */
  static void scores(MemorySegment scratch, long keyRows, long row, int cols, long queryLines, long p, int keys, int vectors) {
    Tiles.run(scratch, pad(keys), vectors, cols, keyRows, row, 4, queryLines, LINE, false, p, LINE);
  }

  /**
   * Sets scores of keys that their query does not see to −∞.
   *
   * @param first the key of the first line
   * @param end the lines that there are
   */
  static void hide(AttentionSpec spec, MemorySegment scratch, long p, int first, long from, int position, int queries, int keys, int end,
      int vectors) {
    int seenByAll = Math.max(spec.end(position, keys) - first, 0);
    int hiddenFromSome = spec.window() == 0 ? 0 : Math.min(end, spec.first(position + queries - 1, keys) - first);
    for (int lanes = 0; lanes < vectors; lanes++) {
      long lane = lanes * (long) BYTES;
      for (int j = seenByAll; j < end; j++) {
        long at = p + j * LINE + lane;
        store(load(scratch, at).blend(Float.NEGATIVE_INFINITY, load(scratch, SEEN + lane).compare(LE, first + j)), scratch, at);
      }
      for (int j = 0; j < hiddenFromSome; j++) {
        long at = p + j * LINE + lane;
        store(load(scratch, at).blend(Float.NEGATIVE_INFINITY, load(scratch, from + lane).compare(GT, first + j)), scratch, at);
      }
    }
  }

  /** s = cap·tanh(s/cap), and to {@code slope}, unless that is negative, its derivative. */
  static void cap(MemorySegment s, long p, float cap, int keys, int vectors, long slope) {
    for (int lanes = 0; lanes < vectors; lanes++) {
      for (int j = 0; j < keys; j++) {
        long at = j * LINE + lanes * (long) BYTES;
        var t = VectorMath.tanh(load(s, p + at).div(cap));
        store(t.mul(cap), s, p + at);
        if (slope >= 0) {
          store(all(1f).sub(t.mul(t)), s, slope + at);
        }
      }
    }
  }

  /** Multiplies lines by those of {@code factors}. */
  static void multiply(MemorySegment s, long lines, long factors, int keys, int vectors) {
    for (int lanes = 0; lanes < vectors; lanes++) {
      for (int j = 0; j < keys; j++) {
        long at = j * LINE + lanes * (long) BYTES;
        store(load(s, lines + at).mul(load(s, factors + at)), s, lines + at);
      }
    }
  }

  /**
   * Adds the biases of a head to scores. The bias of lane l and line j lies at keys − 1 − j + l, so that lanes read side by side.
   *
   * @param distance of the first line's key from the first lane's query
   */
  static void addBias(AttentionSpec spec, AttentionSpec.Bias bias, int head, MemorySegment s, long at, long p, int distance, int keys,
      int vectors) {
    for (int i = 0; i < keys + QUERIES; i++) {
      int row = bias.row(distance + keys - 1 - i);
      s.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, row < 0 ? 0 : bias.table().getAtIndex(JAVA_FLOAT, (long) row * spec.heads() + head));
    }
    for (int lanes = 0; lanes < vectors; lanes++) {
      long lane = lanes * (long) BYTES;
      for (int j = 0; j < keys; j++) {
        store(load(s, p + j * LINE + lane).add(load(s, at + 4L * (keys - 1 - j) + lane)), s, p + j * LINE + lane);
      }
    }
  }

  /** Adds gradients of scores to the column of a head, by distance; lanes without a query have none. */
  static void sumBias(AttentionSpec spec, AttentionSpec.Bias bias, int head, MemorySegment s, long at, long ds, int distance, int keys,
      int vectors, MemorySegment dBias) {
    Simd.zero(s, at, AttentionScratch.pad(keys + QUERIES, Simd.LANES) * 4L);
    for (int lanes = 0; lanes < vectors; lanes++) {
      long lane = lanes * (long) BYTES;
      for (int j = 0; j < keys; j++) {
        long to = at + 4L * (keys - 1 - j) + lane;
        store(load(s, to).add(load(s, ds + j * LINE + lane)), s, to);
      }
    }
    for (int i = 0; i < keys + QUERIES; i++) {
      int row = bias.row(distance + keys - 1 - i);
      if (row >= 0) {
        long place = (long) row * spec.heads() + head;
        dBias.setAtIndex(JAVA_FLOAT, place, dBias.getAtIndex(JAVA_FLOAT, place) + s.get(JAVA_FLOAT_UNALIGNED, at + 4L * i));
      }
    }
  }
}
