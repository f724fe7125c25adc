package io.github.lora4j.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tree finds the bytes that looking at every block finds. */
class FirstFitTest {

  private record Block(int from, int to, long bytes) {}

  /** First fit as it is defined: past every block of an overlapping life, from the lowest on. */
  private static List<Long> plain(List<Block> blocks) {
    List<Long> offsets = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      Block block = blocks.get(i);
      List<long[]> clashes = new ArrayList<>();
      for (int j = 0; j < i; j++) {
        Block other = blocks.get(j);
        if (block.from <= other.to && other.from <= block.to) {
          clashes.add(new long[] {offsets.get(j), other.bytes});
        }
      }
      clashes.sort(Comparator.comparingLong(clash -> clash[0]));
      long at = 0;
      for (long[] clash : clashes) {
        if (at + block.bytes <= clash[0]) {
          break;
        }
        at = Math.max(at, clash[0] + clash[1]);
      }
      offsets.add(at);
    }
    return offsets;
  }

  private static List<Long> tree(List<Block> blocks, int times) {
    FirstFit slab = new FirstFit(times);
    return blocks.stream().map(block -> slab.place(block.from, block.to, block.bytes)).toList();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void randomLives(boolean largestFirst) {
    Random random = new Random(5);
    for (int round = 0; round < 600; round++) {
      int times = 1 + random.nextInt(round % 3 == 0 ? 8 : 200);
      List<Block> blocks = new ArrayList<>();
      for (int i = random.nextInt(150); i >= 0; i--) {
        int from = random.nextInt(times);
        int length = random.nextInt(random.nextBoolean() ? 4 : times);
        blocks.add(new Block(from, Math.min(times - 1, from + length), 64L * random.nextInt(round % 2 == 0 ? 4 : 1000)));
      }
      if (largestFirst) {
        blocks.sort(Comparator.comparingLong(block -> -block.bytes));
      }
      assertEquals(plain(blocks), tree(blocks, times));
    }
  }

  /** Lives as layers make them: activations that are kept until their layer's gradient, and what is gone after a few ops. */
  @Test
  void layersForwardAndBackward() {
    Random random = new Random(7);
    int layers = 60;
    int ops = 30;
    int times = 2 * layers * ops;
    List<Block> blocks = new ArrayList<>();
    for (int time = 0; time < times; time++) {
      boolean kept = time < times / 2 && random.nextInt(3) > 0;
      long bytes = 64L * new int[] {6, 6, 6, 24, 1, 2, 6 * 16}[time % 7];
      blocks.add(new Block(time, kept ? times - 1 - time : Math.min(times - 1, time + 1 + random.nextInt(4)), bytes));
    }
    blocks.sort(Comparator.comparingLong(block -> -block.bytes));
    assertEquals(plain(blocks), tree(blocks, times));
  }
}
