package io.github.lora4j.models.families;

import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.ModelConfig;

/**
 * Biases of attention scores by distance (Raffel et al. 2020): a number for each head and bucket, where half of the buckets hold one distance each
 * and the others ever more.
 *
 * @param buckets a multiple of 4
 * @param distance from which on all are in the last bucket
 * @param bothWays whether keys behind a query have buckets of their own; otherwise they count as at distance 0
 */
record RelativePositions(int buckets, int distance, boolean bothWays) {

  /** Refuses numbers for which buckets are not defined. */
  static void check(ModelConfig config, int buckets, int distance) {
    if (buckets % 4 != 0 || distance <= buckets / 2) {
      throw config.error("relative_attention_num_buckets %d must be a multiple of 4, and less than twice relative_attention_max_distance %d"
          .formatted(buckets, distance));
    }
  }

  /** The bias, for all distances of so many tokens. */
  Value bias(Sites sites, String module, int length, int heads) {
    Value choice = sites.graph().program().constant("distances." + (bothWays ? "both" : "back"), Shape.of(2 * length - 1, buckets), () -> {
      float[] rows = new float[(2 * length - 1) * buckets];
      for (int i = 0; i < 2 * length - 1; i++) {
        rows[i * buckets + bucket(i - (length - 1))] = 1;
      }
      return rows;
    });
    return sites.distances(module, choice, heads);
  }

  /** In single precision, as it was when models were trained. */
  private int bucket(int away) {
    int count = bothWays ? buckets / 2 : buckets;
    int first = bothWays && away > 0 ? count : 0;
    int steps = bothWays ? Math.abs(away) : Math.max(-away, 0);
    int exact = count / 2;
    if (steps < exact) {
      return first + steps;
    }
    float part = (float) Math.log((float) steps / exact) / (float) Math.log((double) distance / exact);
    return first + Math.min(count - 1, exact + (int) (part * (count - exact)));
  }
}
