package io.github.lora4j.train.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** Recall and mean reciprocal rank of pairs. */
class RetrievalTest {

  private static float[] angle(double degrees) {
    return new float[] {(float) Math.cos(Math.toRadians(degrees)), (float) Math.sin(Math.toRadians(degrees))};
  }

  @Test
  void everyPairIsNearest() {
    assertEquals(Map.of("recall_at_1", 1.0, "recall_at_10", 1.0, "mrr", 1.0),
        Retrieval.ofPairs(new float[][] {angle(0), angle(5), angle(90), angle(95), angle(180), angle(170)}));
  }

  @Test
  void ranksCountFromOne() {
    // The second text of pair 0 is nearer to pair 1's first (rank 2 for 0); pair 1's own is the nearest to it.
    Map<String, Double> m = Retrieval.ofPairs(new float[][] {angle(0), angle(40), angle(30), angle(25)});
    assertEquals(0.5, m.get("recall_at_1"));
    assertEquals(1.0, m.get("recall_at_10"));
    assertEquals((0.5 + 1) / 2, m.get("mrr"));
  }

  @Test
  void tenIsTheLimit() {
    float[][] vectors = new float[24][];
    for (int i = 0; i < 12; i++) {
      // All first texts point to 0 degrees, the second texts ever further away: pair i has rank i + 1.
      vectors[2 * i] = angle(0);
      vectors[2 * i + 1] = angle(10 * i + 1);
    }
    Map<String, Double> m = Retrieval.ofPairs(vectors);
    assertEquals(1.0 / 12, m.get("recall_at_1"));
    assertEquals(10.0 / 12, m.get("recall_at_10"));
    double harmonic = 0;
    for (int rank = 1; rank <= 12; rank++) {
      harmonic += 1.0 / rank;
    }
    assertEquals(harmonic / 12, m.get("mrr"), 1e-15);
  }

  @Test
  void aModelThatSaysTheSameOfEverythingIsNotRight() {
    assertEquals(0.0, Retrieval.ofPairs(new float[][] {angle(0), angle(0), angle(0), angle(0)}).get("recall_at_1"));
    float[] nan = {Float.NaN, Float.NaN};
    assertEquals(0.0, Retrieval.ofPairs(new float[][] {nan, nan, nan, nan}).get("recall_at_1"));
  }
}
