package io.github.lora4j.graph.cpu;

import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Attention of each head of each segment. A head's rows lie as far apart as all heads are wide, which the processor does not foresee; so where
 * there are segments enough, none much longer than the others, a task is a whole one, and its rows are read once in order before the heads
 * take their parts of them.
 */
final class HeadTasks {

  /** One head of one segment. */
  @FunctionalInterface
  interface Head {
    void run(int segment, int head, int worker);
  }

  /** Tasks for each worker to aim at: segments differ in length. */
  private static final int TASKS = 8;
  /** Keys that take as long as what a query costs beside its products with keys. */
  private static final long BESIDE = 128;
  /** Columns of the table of segments: start and length of queries, start and length of keys, position. */
  private static final int TABLE = 5;

  private final int heads;
  private final MemorySegment table;
  private final MemorySegment[] queries;
  private final MemorySegment[] keys;
  private final long queryBytes;
  private final long keyBytes;
  /** What each worker read, so that reading is not left out. */
  private final float[] seen;
  private final Head work;
  private final Workers.Task task = this::group;

  private int groupHeads;
  private int groups;

  /** What is read: rows of {@code queryBytes} for each query and of {@code keyBytes} for each key. */
  HeadTasks(int heads, MemorySegment table, MemorySegment[] queries, long queryBytes, MemorySegment[] keys, long keyBytes, int threads, Head work) {
    this.heads = heads;
    this.table = table;
    this.queries = queries;
    this.queryBytes = queryBytes;
    this.keys = keys;
    this.keyBytes = keyBytes;
    seen = new float[threads];
    this.work = work;
  }

  void run(Workers workers, int segments) {
    groupHeads = groupHeads(segments, workers.threads());
    groups = (heads + groupHeads - 1) / groupHeads;
    workers.run(segments * groups, task);
  }

  /** As many heads as keep the task of the longest segment small beside a worker's share of all. */
  private int groupHeads(int segments, int threads) {
    long all = 0;
    long longest = 1;
    for (int i = 0; i < segments; i++) {
      long cost = at(i, 1) * (at(i, 3) + BESIDE);
      all += cost;
      longest = Math.max(longest, cost);
    }
    return (int) Math.clamp(all * heads / longest / ((long) TASKS * threads), 1, heads);
  }

  private void group(int index, int worker) {
    int segment = index / groups;
    if (groups == 1) {
      float sum = 0;
      for (MemorySegment rows : queries) {
        sum += read(rows, at(segment, 0) * queryBytes, at(segment, 1) * queryBytes);
      }
      for (MemorySegment rows : keys) {
        sum += read(rows, at(segment, 2) * keyBytes, at(segment, 3) * keyBytes);
      }
      seen[worker] = sum;
    }
    int first = index % groups * groupHeads;
    int end = Math.min(heads, first + groupHeads);
    for (int head = first; head < end; head++) {
      work.run(segment, head, worker);
    }
  }

  private int at(int segment, int column) {
    return table.getAtIndex(ValueLayout.JAVA_INT, (long) segment * TABLE + column);
  }

  private static float read(MemorySegment rows, long from, long bytes) {
    float sum = 0;
    for (int at = 0; at < (int) bytes; at += 64) {
      sum += rows.get(ValueLayout.JAVA_FLOAT_UNALIGNED, from + at);
    }
    return sum;
  }
}
