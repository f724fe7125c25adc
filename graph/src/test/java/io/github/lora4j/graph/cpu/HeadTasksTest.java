package io.github.lora4j.graph.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.vector.Workers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeadTasksTest {

  private static final int COLS = 12;

  /**
   * Few segments and many, one of them much longer than the others, so that a task is one head, some, or a whole segment; rows are exactly as many as
   * the table says, none to read beyond.
   */
  @ParameterizedTest
  @CsvSource({"1, 12, 1", "3, 12, 2", "9, 12, 1", "9, 5, 3", "40, 12, 2", "40, 1, 4", "17, 7, 2", "60, 12, 2", "0, 12, 2"})
  void everyHeadOfEverySegmentRunsOnce(int segments, int heads, int threads) {
    try (Arena arena = Arena.ofShared(); Workers workers = new Workers(threads)) {
      MemorySegment table = arena.allocate(ValueLayout.JAVA_INT, 5L * Math.max(1, segments));
      int queries = 0;
      int keys = 0;
      for (int i = 0; i < segments; i++) {
        int[] row = {queries, i == 50 ? 3000 : 1 + i % 4, keys, i == 50 ? 3000 : i % 3, 0};
        queries += row[1];
        keys += row[3];
        for (int j = 0; j < row.length; j++) {
          table.setAtIndex(ValueLayout.JAVA_INT, 5L * i + j, row[j]);
        }
      }
      long bytes = 4L * COLS;
      AtomicIntegerArray runs = new AtomicIntegerArray(Math.max(1, segments * heads));
      HeadTasks tasks = new HeadTasks(heads, table, new MemorySegment[] {arena.allocate(queries * bytes)}, bytes,
          new MemorySegment[] {arena.allocate(keys * bytes), arena.allocate(keys * bytes)}, bytes, threads,
          (segment, head, worker) -> runs.incrementAndGet(segment * heads + head));
      tasks.run(workers, segments);
      for (int i = 0; i < segments * heads; i++) {
        assertEquals(1, runs.get(i), "head " + i % heads + " of segment " + i / heads);
      }
    }
  }
}
