package io.github.lora4j.lora.parameters;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class InitialTest {

  private static float[] draw(Initial initial, String name, long seed, int n) {
    float[] values = new float[n];
    initial.fill(name, seed, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void uniformHasItsBoundMeanAndVariance() {
    int n = 40_001;
    float[] values = draw(new Initial.Uniform(0.25), "a", 7, n);
    double mean = 0;
    double square = 0;
    float max = 0;
    for (float v : values) {
      mean += v / n;
      square += v * v / n;
      max = Math.max(max, Math.abs(v));
    }
    assertTrue(max <= 0.25 && max > 0.2499, "largest " + max);
    assertEquals(0, mean, 5 * 0.25 / Math.sqrt(3.0 * n));
    assertEquals(0.25 * 0.25 / 3, square, 0.25 * 0.25 / 3 * 5 / Math.sqrt(n));
  }

  @Test
  void normalHasItsDeviationAndTails() {
    int n = 40_000;
    float[] values = draw(new Initial.Normal(0.125), "a", 7, n);
    double square = 0;
    int beyondTwo = 0;
    for (float v : values) {
      square += v * v / n;
      beyondTwo += Math.abs(v) > 0.25 ? 1 : 0;
    }
    assertEquals(0.125, Math.sqrt(square), 0.125 * 5 / Math.sqrt(2.0 * n));
    assertEquals(0.0455, (double) beyondTwo / n, 5 * Math.sqrt(0.0455 / n));
  }

  @Test
  void valuesDependOnNameAndSeedButNotOnLength() {
    Initial initial = new Initial.Uniform(1);
    float[] values = draw(initial, "a", 7, 101);
    assertArrayEquals(Arrays.copyOf(values, 17), draw(initial, "a", 7, 17));
    assertFalse(Arrays.equals(values, draw(initial, "b", 7, 101)));
    assertFalse(Arrays.equals(values, draw(initial, "a", 7L << 32, 101)));
    assertEquals(101, java.util.stream.IntStream.range(0, 101).mapToObj(i -> values[i]).distinct().count());
  }
}
