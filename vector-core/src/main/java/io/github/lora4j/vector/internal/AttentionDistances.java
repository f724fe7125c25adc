package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.AttentionScratch.LINE;
import static io.github.lora4j.vector.internal.AttentionScratch.Q;
import static io.github.lora4j.vector.internal.AttentionScratch.QUERIES;
import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.store;

import io.github.lora4j.vector.AttentionSpec;
import java.lang.foreign.MemorySegment;

/**
 * Vectors by distance ({@link AttentionSpec.Bias}) as products over bands of rows. A band's queries are multiplied by the vectors of all
 * distances that any of them has to keys of the tile: a row of products for each query, in which the product of a key lies one place farther to the
 * left than in the row before. Read with rows one float shorter than they are, the products of each key therefore lie below each other, without
 * any being looked up. A band of keys is the same with their vectors in the other order, and its rows are lines of scores already. The gradients
 * go the same ways back.
 */
final class AttentionDistances {

  /** Rows of a band: a few more products than pairs of a query and a key, at rows enough for a tile. */
  private static final int BAND = Math.max(2 * LANES, Tiles.ROWS);
  /** What rows of products are padded to. */
  private static final int UNIT = Math.max(LANES, Tiles.ROWS);

  /** Tables of vectors, each behind the other: of those for queries in rows by ascending distance, then transposed. */
  private static final int KEYS = 0;
  private static final int KEYS_T = 1;
  /** Of those for keys, times the scale, in rows by descending distance, then transposed. */
  private static final int QUERIES_DOWN = 2;
  private static final int QUERIES_T = 3;
  /** Gradients of both, in their rows. */
  private static final int D_KEYS = 4;
  private static final int D_QUERIES = 5;
  private static final int TABLES = 6;

  private AttentionDistances() {}

  /** Bytes behind everything else; see {@link io.github.lora4j.vector.Kernels#attentionScratchBytes}. */
  static long bytes(AttentionSpec spec, int maxKeys, int distances) {
    if (distances == 0) {
      return 0;
    }
    long row = AttentionScratch.row(spec.headDim());
    return TABLES * (distances + 4L * BAND + UNIT) * row + products(maxKeys) + lines(maxKeys) + BAND * bandRow() + QUERIES * row;
  }

  private static long products(int keys) {
    return BAND * wide(keys);
  }

  private static long lines(int keys) {
    return AttentionScratch.pad(keys, UNIT) * (long) BAND * 4;
  }

  /** Bytes of a row of products with so many keys. */
  private static long wide(int keys) {
    return (AttentionScratch.pad(keys, UNIT) + BAND) * 4L;
  }

  /** Bytes of a row of products of a key with a block of queries. */
  private static long bandRow() {
    return (QUERIES + BAND) * 4L;
  }

  private static int padQueries(int queries) {
    return AttentionScratch.pad(queries, BAND);
  }

  private static int padKeys(int keys) {
    return AttentionScratch.pad(keys, BAND) + BAND;
  }

  /** Rows of a table: those of all distances of a segment, and room at both ends. */
  private static int rows(int queries, int keys) {
    return padQueries(queries) + padKeys(keys) + UNIT;
  }

  private static long table(AttentionSpec spec, int table, int queries, int keys) {
    long row = AttentionScratch.row(spec.headDim());
    return AttentionScratch.end(row, keys, spec.softCap() > 0) + table * rows(queries, keys) * row;
  }

  /** Rows of products, then lines of them, then a band of keys', then the gradients of a block of queries. */
  private static long near(AttentionSpec spec, int queries, int keys) {
    return table(spec, TABLES, queries, keys);
  }

  private static long nearLines(AttentionSpec spec, int queries, int keys) {
    return near(spec, queries, keys) + products(keys);
  }

  private static long nearBand(AttentionSpec spec, int queries, int keys) {
    return nearLines(spec, queries, keys) + lines(keys);
  }

  private static long queryRows(AttentionSpec spec, int queries, int keys) {
    return nearBand(spec, queries, keys) + BAND * bandRow();
  }

  /** Row of the table for queries that a band from query {@code i} on begins with, towards keys from {@code first} on. */
  private static int keysRow(int i, int first, int queries) {
    return first + padQueries(queries) - i - BAND;
  }

  /** Row of the table for keys that a band from key {@code j} on begins with, towards queries from {@code i} on. */
  private static int queriesRow(int i, int j, int keys) {
    return i - j - BAND + padKeys(keys);
  }

  /** Reads the vectors of a head. */
  static void read(AttentionSpec spec, AttentionSpec.Bias bias, MemorySegment scratch, int queries, int keys, int offset, int head) {
    bias.check(offset, queries, keys);
    if (queries == 0 || keys == 0) {
      return;
    }
    int cols = spec.headDim();
    long stride = spec.heads() * cols * 4L;
    int distances = queries + keys - 1;
    long lowest = (bias.center() - (queries - 1) - offset) * stride + head * cols * 4L;
    long highest = (bias.center() + keys - 1 - offset) * stride + head * cols * 4L;
    if (!Operands.absent(bias.keys())) {
      readTable(spec, bias.keys(), lowest, stride, 1, distances, padQueries(queries) - queries, scratch, table(spec, KEYS, queries, keys),
          rows(queries, keys));
    }
    if (!Operands.absent(bias.queries())) {
      readTable(spec, bias.queries(), highest, -stride, spec.scale(), distances, padKeys(keys) - keys, scratch, table(spec, QUERIES_DOWN, queries, keys),
          rows(queries, keys));
    }
  }

  private static void readTable(AttentionSpec spec, MemorySegment from, long at, long stride, float factor, int count, int first, MemorySegment scratch,
      long to, int rows) {
    long row = AttentionScratch.row(spec.headDim());
    Simd.zero(scratch, to, first * row);
    AttentionScratch.load(from, at, stride, count, spec.headDim(), factor, scratch, to + first * row, row, rows - first);
    Squares.transpose(scratch, to, row, rows / LANES, (int) (row / BYTES), scratch, to + rows * row, rows * 4L);
  }

  /**
   * Adds to scores of keys from {@code first} on and a block of queries from {@code i} on, whose rows lie at {@link AttentionScratch#Q}.
   *
   * @param p the first key's line
   * @param count how many keys
   */
  static void addScores(AttentionSpec spec, AttentionSpec.Bias bias, MemorySegment s, long p, int first, int count, int i, int vectors,
      int queries, int keys) {
    if (!Operands.absent(bias.keys())) {
      for (int lanes = 0; lanes < vectors; lanes += 2) {
        int width = Math.min(2, vectors - lanes);
        byQuery(spec, s, first, count, i, lanes, width, queries, keys);
        addLines(s, nearLines(spec, queries, keys), p + lanes * (long) BYTES, count, width);
      }
    }
    if (!Operands.absent(bias.queries())) {
      for (int j = 0; j < count; j += BAND) {
        int rows = Math.min(BAND, AttentionScores.pad(count - j));
        byKey(spec, s, first + j, rows, i, vectors, queries, keys);
        addBand(s, nearBand(spec, queries, keys), p + j * LINE, Math.min(rows, count - j), vectors);
      }
    }
  }

  /** Products of a band of queries with the vectors of their distances to keys, as lines. */
  private static void byQuery(AttentionSpec spec, MemorySegment s, int first, int count, int i, int lanes, int width, int queries, int keys) {
    long row = AttentionScratch.row(spec.headDim());
    int padded = AttentionScratch.pad(count, UNIT);
    long wide = wide(count);
    long near = near(spec, queries, keys);
    int band = i + lanes * LANES;
    Tiles.run(s, AttentionScores.pad(width * LANES), (int) (wide / BYTES), spec.headDim(), Q + lanes * LANES * row, row, 4,
        table(spec, KEYS_T, queries, keys) + 4L * keysRow(band, first, queries), rows(queries, keys) * 4L, false, near, wide);
    Squares.transpose(s, near + 4L * (BAND - 1), wide - 4, width, padded / LANES, s, nearLines(spec, queries, keys), BAND * 4L);
  }

  /** Products of a band of keys with the vectors of their distances to queries. */
  private static void byKey(AttentionSpec spec, MemorySegment s, int first, int rows, int i, int vectors, int queries, int keys) {
    long row = AttentionScratch.row(spec.headDim());
    Tiles.run(s, rows, vectors + BAND / LANES, spec.headDim(), AttentionScratch.keyRows(0, row, keys) + first * row, row, 4,
        table(spec, QUERIES_T, queries, keys) + 4L * queriesRow(i, first, keys), rows(queries, keys) * 4L, false, nearBand(spec, queries, keys),
        bandRow());
  }

  private static void addLines(MemorySegment s, long lines, long p, int count, int width) {
    for (int lanes = 0; lanes < width; lanes++) {
      long lane = lanes * (long) BYTES;
      for (int j = 0; j < count; j++) {
        store(load(s, p + j * LINE + lane).add(load(s, lines + j * BAND * 4L + lane)), s, p + j * LINE + lane);
      }
    }
  }

  private static void addBand(MemorySegment s, long band, long p, int rows, int vectors) {
    for (int j = 0; j < rows; j++) {
      long from = band + j * bandRow() + 4L * (BAND - 1 - j);
      for (int lanes = 0; lanes < vectors; lanes++) {
        long lane = lanes * (long) BYTES;
        store(load(s, p + j * LINE + lane).add(load(s, from + lane)), s, p + j * LINE + lane);
      }
    }
  }

  /** Clears the gradients of the vectors. */
  static void clear(AttentionSpec spec, MemorySegment scratch, int queries, int keys) {
    Simd.zero(scratch, table(spec, D_KEYS, queries, keys), 2 * rows(queries, keys) * AttentionScratch.row(spec.headDim()));
  }

  /**
   * The gradients of a block of queries as rows, without the scale, from those of scores ({@code ds}, whose lines from {@code count} to the next
   * multiple of the vector's length are cleared). Their place is returned; −1: there are none.
   */
  static long queryGradients(AttentionSpec spec, AttentionSpec.Bias bias, MemorySegment s, long ds, int first, int count, int i, int vectors,
      int queries, int keys) {
    if (Operands.absent(bias.keys())) {
      return -1;
    }
    long row = AttentionScratch.row(spec.headDim());
    long wide = wide(count);
    long to = queryRows(spec, queries, keys);
    for (int lanes = 0; lanes < vectors; lanes += 2) {
      int width = Math.min(2, vectors - lanes);
      spreadQueries(spec, s, ds, count, lanes, width, queries, keys);
      Tiles.run(s, AttentionScores.pad(width * LANES), (int) (row / BYTES), (int) (wide / 4), near(spec, queries, keys), wide, 4,
          table(spec, KEYS, queries, keys) + keysRow(i + lanes * LANES, first, queries) * row, row, false, to + lanes * LANES * row, row);
    }
    return to;
  }

  /** Adds to the gradients of keys, whose rows lie at {@code dKeys}. */
  static void keyGradients(AttentionSpec spec, AttentionSpec.Bias bias, MemorySegment s, long ds, long dKeys, int first, int count, int i,
      int vectors, int queries, int keys) {
    if (Operands.absent(bias.queries())) {
      return;
    }
    long row = AttentionScratch.row(spec.headDim());
    for (int j = 0; j < count; j += BAND) {
      int rows = Math.min(BAND, AttentionScores.pad(count - j));
      spreadKeys(spec, s, ds + j * LINE, Math.min(rows, count - j), vectors, queries, keys);
      Tiles.run(s, rows, (int) (row / BYTES), vectors * LANES + BAND, nearBand(spec, queries, keys), bandRow(), 4,
          table(spec, QUERIES_DOWN, queries, keys) + queriesRow(i, first + j, keys) * row, row, true, dKeys + (first + j) * row, row);
    }
  }

  /** Adds to the gradients of the vectors. */
  static void vectorGradients(AttentionSpec spec, AttentionSpec.Bias dBias, MemorySegment s, long ds, int first, int count, int i, int block,
      int queries, int keys) {
    long row = AttentionScratch.row(spec.headDim());
    int vectors = (block + LANES - 1) / LANES;
    long wide = wide(count);
    for (int lanes = 0; !Operands.absent(dBias.keys()) && lanes < vectors; lanes += 2) {
      int width = Math.min(2, vectors - lanes);
      spreadQueries(spec, s, ds, count, lanes, width, queries, keys);
      Tiles.run(s, (int) (wide / 4), (int) (row / BYTES), Math.min(width * LANES, block - lanes * LANES), near(spec, queries, keys), 4, wide,
          Q + lanes * LANES * row, row, true, table(spec, D_KEYS, queries, keys) + keysRow(i + lanes * LANES, first, queries) * row, row);
    }
    for (int j = 0; !Operands.absent(dBias.queries()) && j < count; j += BAND) {
      int rows = Math.min(BAND, count - j);
      spreadKeys(spec, s, ds + j * LINE, rows, vectors, queries, keys);
      Tiles.run(s, AttentionScores.pad(vectors * LANES + BAND), (int) (row / BYTES), rows, nearBand(spec, queries, keys), 4, bandRow(),
          AttentionScratch.keyRows(0, row, keys) + (first + j) * row, row, true,
          table(spec, D_QUERIES, queries, keys) + queriesRow(i, first + j, keys) * row, row);
    }
  }

  /** Gradients of a band of queries' scores as rows, where products by distance lay. */
  private static void spreadQueries(AttentionSpec spec, MemorySegment s, long ds, int count, int lanes, int width, int queries, int keys) {
    long wide = wide(count);
    long near = near(spec, queries, keys);
    Simd.zero(s, near, BAND * wide);
    Squares.transpose(s, ds + lanes * (long) BYTES, LINE, AttentionScratch.pad(count, UNIT) / LANES, width, s, near + 4L * (BAND - 1), wide - 4);
  }

  /** The same of a band of keys. */
  private static void spreadKeys(AttentionSpec spec, MemorySegment s, long ds, int rows, int vectors, int queries, int keys) {
    long band = nearBand(spec, queries, keys);
    Simd.zero(s, band, BAND * bandRow());
    for (int j = 0; j < rows; j++) {
      long to = band + j * bandRow() + 4L * (BAND - 1 - j);
      for (int lanes = 0; lanes < vectors; lanes++) {
        store(load(s, ds + j * LINE + lanes * (long) BYTES), s, to + lanes * (long) BYTES);
      }
    }
  }

  /** Adds the gradients of a head's vectors to where they belong. */
  static void addVectors(AttentionSpec spec, AttentionSpec.Bias dBias, MemorySegment s, int queries, int keys, int offset, int head) {
    if (queries == 0 || keys == 0) {
      return;
    }
    int cols = spec.headDim();
    long row = AttentionScratch.row(cols);
    long stride = spec.heads() * cols * 4L;
    int distances = queries + keys - 1;
    if (!Operands.absent(dBias.keys())) {
      addRows(s, table(spec, D_KEYS, queries, keys) + (padQueries(queries) - queries) * row, row, distances, cols, 1, dBias.keys(),
          (dBias.center() - (queries - 1) - offset) * stride + head * cols * 4L, stride);
    }
    if (!Operands.absent(dBias.queries())) {
      addRows(s, table(spec, D_QUERIES, queries, keys) + (padKeys(keys) - keys) * row, row, distances, cols, spec.scale(), dBias.queries(),
          (dBias.center() + keys - 1 - offset) * stride + head * cols * 4L, -stride);
    }
  }

  private static void addRows(MemorySegment s, long from, long row, int count, int cols, float factor, MemorySegment to, long at, long stride) {
    long whole = Simd.whole(0, cols * 4L);
    for (int i = 0; i < count; i++) {
      for (long c = 0; c < whole; c += BYTES) {
        store(load(s, from + i * row + c).fma(Simd.all(factor), load(to, at + i * stride + c)), to, at + i * stride + c);
      }
      if (whole < cols * 4L) {
        var rest = Simd.rest(whole, cols * 4L);
        long there = at + i * stride + whole;
        store(load(s, from + i * row + whole, rest).fma(Simd.all(factor), load(to, there, rest)), to, there, rest);
      }
    }
  }
}
