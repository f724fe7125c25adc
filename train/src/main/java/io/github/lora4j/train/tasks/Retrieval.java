package io.github.lora4j.train.tasks;

import java.util.LinkedHashMap;
import java.util.Map;

/** How well the first text of each pair finds its second among all second texts, by cosine similarity. */
public final class Retrieval {

  private Retrieval() {}

  /**
   * Measures unit vectors of pairs: rows 2i and 2i + 1 belong together. A tie, and a NaN, counts against the right answer.
   *
   * @return recall_at_1, recall_at_10 and mrr (mean of 1/rank)
   */
  public static Map<String, Double> ofPairs(float[][] vectors) {
    int n = vectors.length / 2;
    int first = 0;
    int ten = 0;
    double reciprocal = 0;
    for (int i = 0; i < n; i++) {
      float own = dot(vectors[2 * i], vectors[2 * i + 1]);
      int rank = 1;
      for (int j = 0; j < n; j++) {
        if (j != i && !(dot(vectors[2 * i], vectors[2 * j + 1]) < own)) {
          rank++;
        }
      }
      first += rank == 1 ? 1 : 0;
      ten += rank <= 10 ? 1 : 0;
      reciprocal += 1.0 / rank;
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("recall_at_1", (double) first / n);
    result.put("recall_at_10", (double) ten / n);
    result.put("mrr", reciprocal / n);
    return result;
  }

  private static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
