package io.github.lora4j.train.sums;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.lora4j.train.sums.GradientExchange.Part;
import io.github.lora4j.vector.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The tree of additions over micro-batches: as written down, and the same however the micro-batches are shared out. */
class GradientTreeTest {

  private static final int WIDTH = 50;

  private static float[][] random(int n) {
    Random random = new Random(n);
    float[][] all = new float[n][WIDTH];
    for (float[] row : all) {
      for (int i = 0; i < WIDTH; i++) {
        row[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(6)));
      }
    }
    return all;
  }

  private static Part part(int level, int index, float[] values) {
    return new Part(level, index, MemorySegment.ofArray(values.clone()), MemorySegment.ofArray(new float[] {values[0], index}));
  }

  private static float[] total(List<Part> parts) {
    float[] total = new float[WIDTH];
    GradientTree.total(parts, DType.F32, new Part(0, 0, MemorySegment.ofArray(total), MemorySegment.ofArray(new float[2])));
    return total;
  }

  private static float[] plus(float[] a, float[] b) {
    float[] sum = new float[a.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = a[i] + b[i];
    }
    return sum;
  }

  private static List<Part> leaves(float[][] of, int from, int to) {
    List<Part> parts = new ArrayList<>();
    for (int i = from; i < to; i++) {
      parts.add(part(0, i, of[i]));
    }
    return parts;
  }

  @Test
  void sevenMicroBatches() {
    float[][] g = random(7);
    float[] expected = plus(plus(plus(g[0], g[1]), plus(g[2], g[3])), plus(plus(g[4], g[5]), g[6]));
    assertArrayEquals(expected, total(leaves(g, 0, 7)));
    float[] inOrder = g[0];
    for (int i = 1; i < 7; i++) {
      inOrder = plus(inOrder, g[i]);
    }
    assertFalse(Arrays.equals(inOrder, expected), "these numbers do not show the order");
  }

  /** Two workers: the first sums what it can of [0, cut), the second of [cut, n). */
  @Test
  void anyCutGivesTheSameBits() {
    for (int n = 1; n <= 20; n++) {
      float[][] g = random(n);
      float[] expected = total(leaves(g, 0, n));
      for (int cut = 0; cut <= n; cut++) {
        List<Part> parts = new ArrayList<>(joined(leaves(g, 0, cut)));
        parts.addAll(joined(leaves(g, cut, n)));
        assertArrayEquals(expected, total(parts), n + " cut at " + cut);
      }
    }
  }

  private static List<Part> joined(List<Part> leaves) {
    List<Part> waiting = new ArrayList<>();
    for (Part leaf : leaves) {
      Part right = leaf;
      while (!waiting.isEmpty() && GradientTree.join(waiting.getLast(), right)) {
        Part left = waiting.removeLast();
        GradientTree.add(left, right, DType.F32);
        right = new Part(left.level() + 1, left.index() / 2, right.gradients(), right.sums());
      }
      waiting.add(right);
    }
    return waiting;
  }
}
