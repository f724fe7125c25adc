package io.github.lora4j.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The order of examples: complete, reproducible, and the same in every version. */
class BatchesTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 17, 100, 1000})
  void eachExampleOnceAnEpoch(int examples) {
    int[] order = new Batches(examples, 8, 1, 3).order(0);
    assertArrayEquals(IntStream.range(0, examples).toArray(), Arrays.stream(order).sorted().toArray());
  }

  @Test
  void epochsAndSeedsDiffer() {
    Batches batches = new Batches(100, 8, 1, 42);
    assertArrayEquals(batches.order(3), new Batches(100, 16, 2, 42).order(3), "the order depends on seed, epoch and size alone");
    assertFalse(Arrays.equals(batches.order(0), batches.order(1)));
    assertFalse(Arrays.equals(batches.order(0), new Batches(100, 8, 1, 43).order(0)));
    assertFalse(Arrays.equals(batches.order(0), new Batches(100, 8, 1, 42 + (1L << 32)).order(0)), "all 64 bits of a seed count");
  }

  /** Frozen: another order would change the result of every recipe, and resumed runs would see other examples. Made by another implementation. */
  @Test
  void orderNeverChanges() {
    assertArrayEquals(new int[] {2, 8, 7, 1, 6, 4, 5, 0, 9, 3}, new Batches(10, 1, 1, 42).order(0));
    assertArrayEquals(new int[] {7, 5, 1, 0, 2, 4, 8, 9, 6, 3}, new Batches(10, 1, 1, 42).order(1));
    assertArrayEquals(new int[] {825, 158, 806, 648, 521, 933, 844, 206}, Arrays.copyOf(new Batches(1000, 1, 1, -7_000_000_000L).order(5), 8));
  }

  @Test
  void everyPlaceIsEquallyLikely() {
    int[][] counts = new int[5][5];
    for (int epoch = 0; epoch < 5000; epoch++) {
      int[] order = new Batches(5, 1, 1, 1).order(epoch);
      for (int i = 0; i < 5; i++) {
        counts[i][order[i]]++;
      }
    }
    for (int[] row : counts) {
      for (int count : row) {
        // 1000 expected, standard deviation 28; the numbers are fixed, so this cannot fail by chance later.
        assertEquals(1000, count, 140);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1,1,1", "10,4,1,3", "10,4,2,2", "8,4,2,1", "9,4,2,2", "17,3,4,2", "5,100,3,1", "100,7,2,8"})
  void microBatchesCoverTheEpoch(int examples, int batch, int accumulation, int steps) {
    Batches batches = new Batches(examples, batch, accumulation, 0);
    assertEquals(steps, batches.stepsPerEpoch());
    int next = 0;
    for (int step = 0; step < steps; step++) {
      int micros = batches.microBatches(step);
      assertTrue(micros >= 1 && micros <= accumulation);
      assertTrue(step == steps - 1 || micros == accumulation, "only the last step may be smaller");
      for (int micro = 0; micro < micros; micro++) {
        assertEquals(next, batches.from(step, micro));
        next = batches.to(step, micro);
        int size = next - batches.from(step, micro);
        assertTrue(size >= 1 && size <= batch);
        assertTrue(size == batch || next == examples, "only the last micro-batch may be smaller");
      }
    }
    assertEquals(examples, next);
  }

  @Test
  void theLastStepIsPartial() {
    // 17 examples in steps of 4 × 3: the second step has 3 + 2.
    Batches batches = new Batches(17, 3, 4, 0);
    List<List<Integer>> cuts = new ArrayList<>();
    for (int step = 0; step < batches.stepsPerEpoch(); step++) {
      for (int micro = 0; micro < batches.microBatches(step); micro++) {
        cuts.add(List.of(step, batches.from(step, micro), batches.to(step, micro)));
      }
    }
    assertEquals(List.of(List.of(0, 0, 3), List.of(0, 3, 6), List.of(0, 6, 9), List.of(0, 9, 12), List.of(1, 12, 15), List.of(1, 15, 17)), cuts);
  }
}
