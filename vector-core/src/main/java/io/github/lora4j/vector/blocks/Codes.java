package io.github.lora4j.vector.blocks;

import java.util.Comparator;
import java.util.stream.IntStream;

/** Tables of values that few bits choose from. */
final class Codes {

  private Codes() {}

  /** bitsandbytes' NF4: quantiles of the normal distribution. */
  static float[] nf4() {
    return new float[] {-1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f,
        0.5626170039176941f, 0.7229568362236023f, 1};
  }

  /** bitsandbytes' FP4, a float of two bits of exponent and one of fraction. */
  static float[] fp4() {
    float[] map = new float[16];
    float[] twelfths = {0, 0.0625f, 8, 12, 4, 6, 2, 3};
    for (int i = 0; i < 8; i++) {
      map[i] = twelfths[i] / 12;
      map[i + 8] = -map[i];
    }
    return map;
  }

  /** The codes by ascending value; equal ones by code. */
  static int[] order(float[] map) {
    return IntStream.range(0, map.length).boxed().sorted(Comparator.comparingDouble((Integer i) -> map[i] + 0f).thenComparing(i -> i))
        .mapToInt(Integer::intValue).toArray();
  }

  /** What lies between each two of ascending levels. */
  static float[] middles(float[] levels) {
    float[] middles = new float[levels.length - 1];
    for (int i = 0; i < middles.length; i++) {
      middles[i] = (levels[i] + levels[i + 1]) * 0.5f;
    }
    return middles;
  }

  /** The index of the level that is nearest; in the middle of two the lower. */
  static int nearest(float[] middles, float value) {
    int below = 0;
    while (below < middles.length && middles[below] < value) {
      below++;
    }
    return below;
  }

  static int gcd(long a, long b) {
    return b == 0 ? Math.toIntExact(a) : gcd(b, a % b);
  }
}
