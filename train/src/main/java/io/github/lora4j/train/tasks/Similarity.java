package io.github.lora4j.train.tasks;

import io.github.lora4j.train.data.Target;
import java.util.List;
import java.util.Map;

/** How well the cosine of two vectors follows a score, as in semantic textual similarity. */
final class Similarity {

  private Similarity() {}

  /**
   * Measures unit vectors of pairs: rows 2i and 2i + 1 belong to target i.
   *
   * @return pearson and spearman of cosines with scores
   */
  static Map<String, Double> ofPairs(float[][] vectors, List<Target> targets) {
    float[][] cosines = new float[targets.size()][1];
    float[][] scores = new float[targets.size()][];
    for (int i = 0; i < cosines.length; i++) {
      double sum = 0;
      for (int j = 0; j < vectors[2 * i].length; j++) {
        sum += (double) vectors[2 * i][j] * vectors[2 * i + 1][j];
      }
      cosines[i][0] = (float) sum;
      scores[i] = ((Target.Numbers) targets.get(i)).values();
    }
    return Metrics.regression(cosines, scores);
  }
}
