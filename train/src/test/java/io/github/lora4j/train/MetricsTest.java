package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.github.lora4j.vector.Loss;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Measures against numbers worked out by hand from their definitions. */
class MetricsTest {

  /** Logits that say a class, and the class that it is. */
  private static Map<String, Double> classes(int classes, int[] said, int[] is) {
    float[][] logits = new float[said.length][classes];
    float[][] labels = new float[said.length][1];
    for (int i = 0; i < said.length; i++) {
      logits[i][said[i]] = 1;
      labels[i][0] = is[i];
    }
    return Metrics.of(Loss.CROSS_ENTROPY, logits, labels);
  }

  @Test
  void twoClasses() {
    // 3 true positives, 1 false positive, 2 false negatives, 4 true negatives.
    Map<String, Double> m = classes(2, new int[] {1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, new int[] {1, 1, 1, 0, 1, 1, 0, 0, 0, 0});
    assertEquals(List.of("loss", "accuracy", "f1", "matthews"), List.copyOf(m.keySet()));
    assertEquals(0.7, m.get("accuracy"), 1e-15);
    assertEquals(2.0 * 3 / (2 * 3 + 1 + 2), m.get("f1"), 1e-15);
    assertEquals((3 * 4 - 1 * 2) / Math.sqrt((3 + 1) * (3 + 2) * (4 + 1) * (4 + 2)), m.get("matthews"), 1e-15);
    double right = Math.log(1 + Math.exp(-1));
    assertEquals((7 * right + 3 * (right + 1)) / 10, m.get("loss"), 1e-7);
  }

  @Test
  void threeClasses() {
    Map<String, Double> m = classes(3, new int[] {0, 0, 1, 2, 2, 2}, new int[] {0, 1, 1, 2, 2, 0});
    assertEquals(List.of("loss", "accuracy", "macro_f1", "matthews"), List.copyOf(m.keySet()));
    assertEquals(4.0 / 6, m.get("accuracy"), 1e-15);
    // F1 of each: 2/(2+1+1), 2/(2+0+1), 4/(4+1+0).
    assertEquals((0.5 + 2.0 / 3 + 0.8) / 3, m.get("macro_f1"), 1e-15);
    // Labels (2, 2, 2), predictions (2, 1, 3), 4 of 6 correct.
    assertEquals((4 * 6 - 12) / Math.sqrt((36 - 12) * (36 - 14.0)), m.get("matthews"), 1e-15);
  }

  @Test
  void macroF1LeavesOutClassesThatDoNotOccur() {
    Map<String, Double> m = classes(5, new int[] {0, 3, 3}, new int[] {0, 3, 0});
    // Class 0: 2/(2+0+1), class 3: 2/(2+1+0); 1, 2 and 4 are nowhere.
    assertEquals(2.0 / 3, m.get("macro_f1"), 1e-15);
    // A class that was only predicted does count, with 0.
    assertEquals((2.0 / 3 + 0) / 2, classes(5, new int[] {0, 3}, new int[] {0, 0}).get("macro_f1"), 1e-15);
  }

  @Test
  void oneSidedPredictionsHaveNoCorrelation() {
    Map<String, Double> m = classes(2, new int[] {0, 0, 0}, new int[] {0, 1, 0});
    assertEquals(0, m.get("matthews"));
    assertEquals(0, m.get("f1"));
    assertEquals(1, classes(2, new int[] {0, 1}, new int[] {0, 1}).get("matthews"), 1e-15);
    assertEquals(-1, classes(2, new int[] {1, 0}, new int[] {0, 1}).get("matthews"), 1e-15);
  }

  @Test
  void ignoredLabelsDoNotCount() {
    Map<String, Double> m = classes(2, new int[] {0, 1, 1}, new int[] {0, 1, -100});
    assertEquals(1, m.get("accuracy"));
    assertEquals(Math.log(1 + Math.exp(-1)), m.get("loss"), 1e-7);
    assertEquals(Double.NaN, classes(2, new int[] {0}, new int[] {-100}).get("accuracy"));
  }

  @Test
  void lossOfLargeLogitsDoesNotOverflow() {
    Map<String, Double> m = Metrics.of(Loss.CROSS_ENTROPY, new float[][] {{3e38f, -3e38f}, {1000, 0}}, new float[][] {{0}, {1}});
    assertEquals(500, m.get("loss"), 1e-9);
    assertEquals(1e4, Metrics.of(Loss.BCE_WITH_LOGITS, new float[][] {{1e4f}}, new float[][] {{0}}).get("loss"), 1e-9);
  }

  @Test
  void severalLabels() {
    float[][] logits = {{2, -1, 3}, {-2, -1, -3}, {1, 1, -1}, {0, -1, -1}};
    float[][] labels = {{1, 0, 1}, {0, 0, 0}, {1, 0, 1}, {1, 0, 0}};
    Map<String, Double> m = Metrics.of(Loss.BCE_WITH_LOGITS, logits, labels);
    // 3 hits, 1 false alarm, 2 misses (a logit of 0 says no); rows 0 and 1 are right as a whole.
    assertEquals(2.0 * 3 / (6 + 1 + 2), m.get("micro_f1"), 1e-15);
    assertEquals(0.5, m.get("exact_match"));
    double loss = 0;
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 3; j++) {
        double p = 1 / (1 + Math.exp(-logits[i][j]));
        loss -= Math.log(labels[i][j] == 1 ? p : 1 - p);
      }
    }
    assertEquals(loss / 12, m.get("loss"), 1e-12);
    assertEquals(0, Metrics.of(Loss.BCE_WITH_LOGITS, new float[][] {{-1}}, new float[][] {{0}}).get("micro_f1"));
  }

  @Test
  void numbers() {
    Map<String, Double> m = Metrics.of(Loss.MSE, new float[][] {{1}, {2}, {4}}, new float[][] {{10}, {30}, {20}});
    assertEquals((81 + 784 + 256) / 3.0, m.get("loss"), 1e-12);
    // Deviations (-4/3, -1/3, 5/3) and (-10, 10, 0).
    assertEquals(10 / Math.sqrt(42 / 9.0 * 200), m.get("pearson"), 1e-12);
    assertEquals(0.5, m.get("spearman"), 1e-12);
  }

  @Test
  void spearmanSharesRanksOfTies() {
    assertArrayEquals(new double[] {2.5, 1, 2.5, 5, 5, 5}, Metrics.ranks(new double[] {3, -1, 3, 7, 7, 7}));
    assertArrayEquals(new double[] {1.5, 1.5}, Metrics.ranks(new double[] {0.0, -0.0}));
    Map<String, Double> m = Metrics.of(Loss.MSE, new float[][] {{1}, {1}, {2}, {3}}, new float[][] {{1}, {2}, {3}, {1000}});
    // Ranks (1.5, 1.5, 3, 4) and (1, 2, 3, 4).
    assertEquals(4.5 / Math.sqrt(4.5 * 5), m.get("spearman"), 1e-12);
  }

  @Test
  void constantPredictionsHaveNoCorrelation() {
    Map<String, Double> m = Metrics.of(Loss.MSE, new float[][] {{2}, {2}}, new float[][] {{1}, {3}});
    assertEquals(Double.NaN, m.get("pearson"));
    assertEquals(Double.NaN, m.get("spearman"));
    assertEquals(1, m.get("loss"));
  }

  @Test
  void notANumberIsSeenAndEnds() {
    Map<String, Double> m = assertTimeoutPreemptively(Duration.ofSeconds(60),
        () -> Metrics.of(Loss.MSE, new float[][] {{1}, {Float.NaN}, {3}}, new float[][] {{1}, {2}, {3}}));
    assertEquals(Map.of("loss", Double.NaN, "pearson", Double.NaN, "spearman", Double.NaN), m);
  }

  @Test
  void nothingToMeasure() {
    assertEquals(Double.NaN, Metrics.of(Loss.CROSS_ENTROPY, new float[0][], new float[0][]).get("accuracy"));
    assertEquals(Double.NaN, Metrics.of(Loss.BCE_WITH_LOGITS, new float[0][], new float[0][]).get("exact_match"));
    assertEquals(Double.NaN, Metrics.of(Loss.MSE, new float[0][], new float[0][]).get("pearson"));
  }
}
