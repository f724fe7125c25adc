package io.github.lora4j.tornado;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What the host works out of a segment table before a run, for {@link Attending}: for each query row the keys that it sees, and for each
 * block of 64 rows of one side the rows of the other that any of them has to do with. It lies in {@code ints}.
 *
 * @param low place of the first key of each query row
 * @param high place of the key after the last; none is seen where it is no more than the first
 * @param diagonal place of the key row at the position of each query row, whether there is one or not
 * @param queryRanges places of two ints for each block of query rows: the first key row, the one after the last
 * @param keyRanges the same of query rows for each block of key rows
 * @param end the first place behind it
 */
record SegmentMap(Value segments, Sight sight, int queryRows, int keyRows, long low, long high, long diagonal, long queryRanges, long keyRanges,
    long end) {

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** What of an {@link AttentionSpec} decides which keys a query sees. */
  record Sight(boolean causal, int window) {
    static Sight of(AttentionSpec spec) {
      return new Sight(spec.causal(), spec.window());
    }

    AttentionSpec spec() {
      return new AttentionSpec(1, 1, 1, 1, causal, window, 0);
    }
  }

  static SegmentMap at(long at, AttentionOp.Attention o) {
    int queryRows = o.q().shape().rows();
    int keyRows = o.k().shape().rows();
    long queryRanges = at + 3L * queryRows;
    long keyRanges = queryRanges + 2L * blocks(queryRows);
    return new SegmentMap(o.segments(), Sight.of(o.spec()), queryRows, keyRows, at, at + queryRows, at + 2L * queryRows, queryRanges, keyRanges,
        keyRanges + 2L * blocks(keyRows));
  }

  private static int blocks(int rows) {
    return (rows + Attending.BLOCK - 1) / Attending.BLOCK;
  }

  /**
   * Writes the map.
   *
   * @param table place of the segment table: first query row and their number, first key row and their number, shift of the diagonal
   * @throws ConfigException if a segment ends behind the rows
   */
  void write(MemorySegment ints, long table, int count) {
    AttentionSpec spec = sight.spec();
    ints.asSlice(4 * low, 4 * (end - low)).fill((byte) 0);
    for (int s = 0; s < count; s++) {
      int[] segment = new int[5];
      for (int i = 0; i < segment.length; i++) {
        segment[i] = ints.getAtIndex(INT, table + 5L * s + i);
      }
      check(s, segment[0], segment[1], queryRows, "query");
      check(s, segment[2], segment[3], keyRows, "key");
      for (int i = 0; i < segment[1]; i++) {
        int position = i + segment[4];
        ints.setAtIndex(INT, low + segment[0] + i, segment[2] + spec.first(position, segment[3]));
        ints.setAtIndex(INT, high + segment[0] + i, segment[2] + spec.end(position, segment[3]));
        ints.setAtIndex(INT, diagonal + segment[0] + i, segment[2] + position);
      }
    }
    for (int row = 0; row < queryRows; row++) {
      int from = ints.getAtIndex(INT, low + row);
      int to = ints.getAtIndex(INT, high + row);
      if (from < to) {
        extend(ints, queryRanges + 2 * (row / Attending.BLOCK), from, to);
        for (int block = from / Attending.BLOCK; block < blocks(to); block++) {
          extend(ints, keyRanges + 2 * block, row, row + 1);
        }
      }
    }
  }

  private void check(int segment, int from, int length, int rows, String side) {
    if (from < 0 || length < 0 || from > rows - length) {
      throw new ConfigException("%s: segment %d has %d %s rows from %d on, of %d".formatted(segments.name(), segment, length, side, from, rows));
    }
  }

  private static void extend(MemorySegment ints, long at, int from, int to) {
    int end = ints.getAtIndex(INT, at + 1);
    ints.setAtIndex(INT, at, end == 0 ? from : Math.min(from, ints.getAtIndex(INT, at)));
    ints.setAtIndex(INT, at + 1, Math.max(end, to));
  }
}
