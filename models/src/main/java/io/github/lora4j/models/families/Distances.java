package io.github.lora4j.models.families;

import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.models.ModelConfig;

/**
 * Which entry of DeBERTa's embedding of distances a distance has: of an embedding of 2·span entries the one at span + (query's position − key's), or
 * their bucket, where half of the buckets hold one distance each and the others ever more.
 *
 * @param buckets of distances; 0: each has its own entry
 * @param most from which distance on all are in the last bucket
 * @param span half the entries
 */
record Distances(ModelConfig config, int buckets, int most, int span) {

  /** For each distance, of key from query, 1 at its entry. */
  Value choice(ProgramBuilder program, int length) {
    return program.constant("distances", Shape.of(2 * length - 1, 2 * span), () -> {
      float[] rows = new float[(2 * length - 1) * 2 * span];
      for (int i = 0; i < 2 * length - 1; i++) {
        rows[i * 2 * span + entry(length - 1 - i)] = 1;
      }
      return rows;
    });
  }

  /** The entry of a query that is so far behind a key. */
  int entry(int behind) {
    return Math.clamp((long) bucket(behind) + span, 0, 2 * span - 1);
  }

  /** In single precision, as it was when models were trained. */
  private int bucket(int behind) {
    int middle = buckets / 2;
    int distance = Math.abs(behind);
    if (buckets == 0 || distance <= middle) {
      return behind;
    }
    float part = (float) Math.log((float) distance / middle) / (float) Math.log((float) ((double) (most - 1) / middle)) * (middle - 1);
    if (!Float.isFinite(part)) {
      throw config.error("position_buckets %d and max_relative_positions %d give no bucket to a distance of %d".formatted(buckets, most, distance));
    }
    return Integer.signum(behind) * ((int) Math.ceil(part) + middle);
  }
}
