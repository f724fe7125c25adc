package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Bodies of the attention kernels: a group of {@link Rows#LANES} threads for each row and head, keys (or queries) in blocks of as many. In
 * the first half of a turn each thread makes the scores of one key, in the second each adds up its columns of the result; between halves
 * the group waits. The score matrix is never stored: forward keeps a running maximum and sum (Milakov and Gimelshein 2018), backward makes
 * probabilities again from lse, and every row of every gradient is written by one group, in one order.
 *
 * <p>Descriptor: place of the rows' count, heads of a row, heads per key head, head size, causal, scale, q, k, v, segments, segment of each
 * query row or −1, segment of each key row or −1, out (backward: delta of each row and head), lse, dout, dq, dk, dv.
 */
final class Attending {

  /** Columns of the largest head: as many as a group has threads with four sums each. */
  static final int MOST_COLUMNS = 4 * Rows.LANES;
  /** Below any score. */
  private static final float NONE = -1e30f;

  private static final int BLOCK = Rows.LANES;

  private Attending() {}

  private static int segmentOf(int group, int map, int d, IntArray t, IntArray n) {
    int row = group / t.get(d + 1);
    int segment = -1;
    if (row < n.get(t.get(d))) {
      segment = n.get(t.get(d + map) + row);
    }
    return segment;
  }

  /** Place of the segment's table row. */
  private static int table(int segment, int d, IntArray t) {
    return t.get(d + 9) + 5 * segment;
  }

  /** Keys that the group's query row sees. */
  private static int visible(int group, int d, IntArray t, IntArray n) {
    int segment = segmentOf(group, 10, d, t, n);
    int keys = 0;
    if (segment >= 0) {
      int s = table(segment, d, t);
      keys = n.get(s + 3);
      if (t.get(d + 4) == 1) {
        int seen = group / t.get(d + 1) - n.get(s) + n.get(s + 4) + 1;
        keys = seen < keys ? seen : keys;
        keys = keys < 0 ? 0 : keys;
      }
    }
    return keys;
  }

  /** Turns over the keys of a query row. */
  static int keyTurns(int group, int d, IntArray t, IntArray n) {
    return (visible(group, d, t, n) + BLOCK - 1) / BLOCK;
  }

  private static float dot(int a, int b, int length, FloatArray m) {
    float sum = 0f;
    for (int c = 0; c < length; c++) {
      sum += m.get(a + c) * m.get(b + c);
    }
    return sum;
  }

  /** Offset of a head of a row, rows being {@code heads} heads wide. */
  private static int head(int matrix, int row, int heads, int head, int size) {
    return matrix + (row * heads + head) * size;
  }

  private static int least(int a, int b) {
    return a < b ? a : b;
  }

  /** First half of a forward turn: the score of one key. */
  static void scores(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    int key = turn * BLOCK + lane;
    if (key < visible(group, d, t, n)) {
      int heads = t.get(d + 1);
      int size = t.get(d + 3);
      int first = n.get(table(segmentOf(group, 10, d, t, n), d, t) + 2);
      int keyHeads = heads / t.get(d + 2);
      int q = head(t.get(d + 6), group / heads, heads, group % heads, size);
      int k = head(t.get(d + 7), first + key, keyHeads, group % heads / t.get(d + 2), size);
      local[lane] = m.get(t.get(d + 5)) * dot(q, k, size, m);
    }
  }

  /** Second half of a forward turn; sums: maximum, sum of exponentials, four columns. */
  static void weigh(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local, float[] sums) {
    int count = least(BLOCK, visible(group, d, t, n) - turn * BLOCK);
    if (count > 0) {
      int heads = t.get(d + 1);
      int size = t.get(d + 3);
      int keyHeads = heads / t.get(d + 2);
      int first = n.get(table(segmentOf(group, 10, d, t, n), d, t) + 2) + turn * BLOCK;
      int v = head(t.get(d + 8), first, keyHeads, group % heads / t.get(d + 2), size);
      float max = sums[0];
      for (int j = 0; j < count; j++) {
        max = local[j] > max ? local[j] : max;
      }
      float shrink = TornadoMath.exp(sums[0] - max);
      float total = sums[1] * shrink;
      float c0 = sums[2] * shrink;
      float c1 = sums[3] * shrink;
      float c2 = sums[4] * shrink;
      float c3 = sums[5] * shrink;
      for (int j = 0; j < count; j++) {
        float p = TornadoMath.exp(local[j] - max);
        int at = v + j * keyHeads * size + lane;
        total += p;
        if (lane < size) {
          c0 += p * m.get(at);
        }
        if (lane + BLOCK < size) {
          c1 += p * m.get(at + BLOCK);
        }
        if (lane + 2 * BLOCK < size) {
          c2 += p * m.get(at + 2 * BLOCK);
        }
        if (lane + 3 * BLOCK < size) {
          c3 += p * m.get(at + 3 * BLOCK);
        }
      }
      sums[0] = max;
      sums[1] = total;
      sums[2] = c0;
      sums[3] = c1;
      sums[4] = c2;
      sums[5] = c3;
    }
  }

  /** Before the first forward turn. */
  static void begin(float[] sums) {
    sums[0] = NONE;
    sums[1] = 0f;
    sums[2] = 0f;
    sums[3] = 0f;
    sums[4] = 0f;
    sums[5] = 0f;
  }

  /** After the last forward turn. */
  static void output(int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] sums) {
    int heads = t.get(d + 1);
    if (group / heads < n.get(t.get(d))) {
      float inverse = sums[1] > 0f ? 1f / sums[1] : sums[1];
      four(t.get(d + 12), lane, group, t.get(d + 3), m, sums[2] * inverse, sums[3] * inverse, sums[4] * inverse, sums[5] * inverse);
      if (lane == 0) {
        m.set(t.get(d + 13) + group, sums[1] > 0f ? sums[0] + TornadoMath.log(sums[1]) : NONE + sums[1]);
      }
    }
  }

  /** A thread's columns of the row and head that a group makes. */
  private static void four(int matrix, int lane, int group, int size, FloatArray m, float c0, float c1, float c2, float c3) {
    int at = matrix + group * size + lane;
    if (lane < size) {
      m.set(at, c0);
    }
    if (lane + BLOCK < size) {
      m.set(at + BLOCK, c1);
    }
    if (lane + 2 * BLOCK < size) {
      m.set(at + 2 * BLOCK, c2);
    }
    if (lane + 3 * BLOCK < size) {
      m.set(at + 3 * BLOCK, c3);
    }
  }

  /** First half of a turn for delta: one key's p·(dout·v), and its p behind. */
  static void keyTerms(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    int key = turn * BLOCK + lane;
    if (key < visible(group, d, t, n)) {
      int heads = t.get(d + 1);
      int size = t.get(d + 3);
      int keyHeads = heads / t.get(d + 2);
      int row = n.get(table(segmentOf(group, 10, d, t, n), d, t) + 2) + key;
      int keyHead = group % heads / t.get(d + 2);
      int k = head(t.get(d + 7), row, keyHeads, keyHead, size);
      int v = head(t.get(d + 8), row, keyHeads, keyHead, size);
      float p = TornadoMath.exp(m.get(t.get(d + 5)) * dot(t.get(d + 6) + group * size, k, size, m) - m.get(t.get(d + 13) + group));
      local[BLOCK + lane] = p;
      local[lane] = p * dot(t.get(d + 14) + group * size, v, size, m);
    }
  }

  /** Second half of a turn for delta; two sums from 0 on, the same in every thread. */
  static void addTerms(int turn, int group, int d, IntArray t, IntArray n, float[] local, float[] sums) {
    int count = least(BLOCK, visible(group, d, t, n) - turn * BLOCK);
    float terms = sums[0];
    float total = sums[1];
    for (int j = 0; j < count; j++) {
      terms += local[j];
      total += local[BLOCK + j];
    }
    sums[0] = terms;
    sums[1] = total;
  }

  /** After the last turn for delta: Σ p·(dout·v) / Σ p, the mean that each score's gradient is counted from. */
  static void delta(int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] sums) {
    if (lane == 0 && group / t.get(d + 1) < n.get(t.get(d))) {
      m.set(t.get(d + 12) + group, sums[1] > 0f ? sums[0] / sums[1] : sums[0]);
    }
  }

  /** First half of a turn for dq: one key's ds = p·(dout·v − delta)·scale. */
  static void keyDeltas(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    int key = turn * BLOCK + lane;
    if (key < visible(group, d, t, n)) {
      int heads = t.get(d + 1);
      int size = t.get(d + 3);
      int keyHeads = heads / t.get(d + 2);
      int row = n.get(table(segmentOf(group, 10, d, t, n), d, t) + 2) + key;
      int keyHead = group % heads / t.get(d + 2);
      int k = head(t.get(d + 7), row, keyHeads, keyHead, size);
      int v = head(t.get(d + 8), row, keyHeads, keyHead, size);
      float scale = m.get(t.get(d + 5));
      float p = TornadoMath.exp(scale * dot(t.get(d + 6) + group * size, k, size, m) - m.get(t.get(d + 13) + group));
      local[lane] = p * (dot(t.get(d + 14) + group * size, v, size, m) - m.get(t.get(d + 12) + group)) * scale;
    }
  }

  /** Second half of a turn for dq: dq += Σ ds·k; four sums from 0 on. */
  static void addKeys(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local, float[] sums) {
    int count = least(BLOCK, visible(group, d, t, n) - turn * BLOCK);
    if (count > 0) {
      int heads = t.get(d + 1);
      int size = t.get(d + 3);
      int keyHeads = heads / t.get(d + 2);
      int first = n.get(table(segmentOf(group, 10, d, t, n), d, t) + 2) + turn * BLOCK;
      int k = head(t.get(d + 7), first, keyHeads, group % heads / t.get(d + 2), size);
      addRows(0, k, keyHeads * size, count, lane, size, 0, m, local, sums);
    }
  }

  /** sums[s...] += Σ over rows j of local[from + j] · row. */
  private static void addRows(int from, int rows, int pitch, int count, int lane, int size, int s, FloatArray m, float[] local,
      float[] sums) {
    float c0 = 0f;
    float c1 = 0f;
    float c2 = 0f;
    float c3 = 0f;
    for (int j = 0; j < count; j++) {
      float factor = local[from + j];
      int at = rows + j * pitch + lane;
      if (lane < size) {
        c0 += factor * m.get(at);
      }
      if (lane + BLOCK < size) {
        c1 += factor * m.get(at + BLOCK);
      }
      if (lane + 2 * BLOCK < size) {
        c2 += factor * m.get(at + 2 * BLOCK);
      }
      if (lane + 3 * BLOCK < size) {
        c3 += factor * m.get(at + 3 * BLOCK);
      }
    }
    sums[s] += c0;
    sums[s + 1] += c1;
    sums[s + 2] += c2;
    sums[s + 3] += c3;
  }

  /** Before the first turn of a gradient. */
  static void clear(float[] sums) {
    sums[0] = 0f;
    sums[1] = 0f;
    sums[2] = 0f;
    sums[3] = 0f;
    sums[4] = 0f;
    sums[5] = 0f;
    sums[6] = 0f;
    sums[7] = 0f;
  }

  /** After the last turn for dq. */
  static void queryGradient(int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] sums) {
    if (group / t.get(d + 1) < n.get(t.get(d))) {
      four(t.get(d + 15), lane, group, t.get(d + 3), m, sums[0], sums[1], sums[2], sums[3]);
    }
  }

  /** The first query of its segment that sees the group's key row. */
  private static int firstQuery(int group, int segment, int d, IntArray t, IntArray n) {
    int s = table(segment, d, t);
    int first = 0;
    if (t.get(d + 4) == 1) {
      first = group / t.get(d + 1) - n.get(s + 2) - n.get(s + 4);
      first = first < 0 ? 0 : first;
    }
    return first;
  }

  /** Blocks of queries that see the group's key row. */
  private static int queryBlocks(int group, int d, IntArray t, IntArray n) {
    int segment = segmentOf(group, 11, d, t, n);
    int queries = 0;
    if (segment >= 0) {
      queries = n.get(table(segment, d, t) + 1) - firstQuery(group, segment, d, t, n);
      queries = queries < 0 ? 0 : queries;
    }
    return (queries + BLOCK - 1) / BLOCK;
  }

  /** Turns over the queries of a key row, for each head that reads it; heads of a row are key heads here. */
  static int queryTurns(int group, int d, IntArray t, IntArray n) {
    return queryBlocks(group, d, t, n) * t.get(d + 2);
  }

  /** The first query row of a turn. */
  private static int queryRow(int turn, int group, int d, IntArray t, IntArray n) {
    int segment = segmentOf(group, 11, d, t, n);
    return n.get(table(segment, d, t)) + firstQuery(group, segment, d, t, n) + turn % queryBlocks(group, d, t, n) * BLOCK;
  }

  /** Queries of a turn. */
  private static int queries(int turn, int group, int d, IntArray t, IntArray n) {
    int s = table(segmentOf(group, 11, d, t, n), d, t);
    return least(BLOCK, n.get(s) + n.get(s + 1) - queryRow(turn, group, d, t, n));
  }

  /** The query head of a turn. */
  private static int queryHead(int turn, int group, int d, IntArray t, IntArray n) {
    return group % t.get(d + 1) * t.get(d + 2) + turn / queryBlocks(group, d, t, n);
  }

  /** First half of a turn for dk and dv: one query's ds, and its p behind. */
  static void queryDeltas(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (lane < queries(turn, group, d, t, n)) {
      int size = t.get(d + 3);
      int at = (queryRow(turn, group, d, t, n) + lane) * t.get(d + 1) * t.get(d + 2) + queryHead(turn, group, d, t, n);
      float scale = m.get(t.get(d + 5));
      float p = TornadoMath.exp(scale * dot(t.get(d + 6) + at * size, t.get(d + 7) + group * size, size, m) - m.get(t.get(d + 13) + at));
      local[BLOCK + lane] = p;
      local[lane] = p * (dot(t.get(d + 14) + at * size, t.get(d + 8) + group * size, size, m) - m.get(t.get(d + 12) + at)) * scale;
    }
  }

  /** Second half of a turn: dk += Σ ds·q, dv += Σ p·dout. */
  static void addQueries(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local, float[] sums) {
    int count = queries(turn, group, d, t, n);
    int size = t.get(d + 3);
    int heads = t.get(d + 1) * t.get(d + 2);
    int at = queryRow(turn, group, d, t, n) * heads + queryHead(turn, group, d, t, n);
    addRows(0, t.get(d + 6) + at * size, heads * size, count, lane, size, 0, m, local, sums);
    addRows(BLOCK, t.get(d + 14) + at * size, heads * size, count, lane, size, 4, m, local, sums);
  }

  /** After the last turn for dk and dv. */
  static void keyGradients(int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] sums) {
    if (group / t.get(d + 1) < n.get(t.get(d))) {
      if (t.get(d + 16) >= 0) {
        four(t.get(d + 16), lane, group, t.get(d + 3), m, sums[0], sums[1], sums[2], sums[3]);
      }
      if (t.get(d + 17) >= 0) {
        four(t.get(d + 17), lane, group, t.get(d + 3), m, sums[4], sums[5], sums[6], sums[7]);
      }
    }
  }
}
