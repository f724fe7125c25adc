package io.github.lora4j.train.tasks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Measures against numbers worked out by hand from their definitions. */
class MetricsTest {

  /** Logits that say a class, and the class that it is. */
  private static Map<String, Double> classes(int classes, int[] said, int[] is) {
    float[][] logits = new float[said.length][classes];
    for (int i = 0; i < said.length; i++) {
      logits[i][said[i]] = 1;
    }
    return Metrics.classes(logits, is);
  }

  @Test
  void twoClasses() {
    // 3 true positives, 1 false positive, 2 false negatives, 4 true negatives.
    Map<String, Double> m = classes(2, new int[] {1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, new int[] {1, 1, 1, 0, 1, 1, 0, 0, 0, 0});
    assertEquals(List.of("accuracy", "f1", "matthews"), List.copyOf(m.keySet()));
    assertEquals(0.7, m.get("accuracy"), 1e-15);
    assertEquals(2.0 * 3 / (2 * 3 + 1 + 2), m.get("f1"), 1e-15);
    assertEquals((3 * 4 - 1 * 2) / Math.sqrt((3 + 1) * (3 + 2) * (4 + 1) * (4 + 2)), m.get("matthews"), 1e-15);
  }

  @Test
  void threeClasses() {
    Map<String, Double> m = classes(3, new int[] {0, 0, 1, 2, 2, 2}, new int[] {0, 1, 1, 2, 2, 0});
    assertEquals(List.of("accuracy", "macro_f1", "matthews"), List.copyOf(m.keySet()));
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
    assertEquals(Double.NaN, classes(2, new int[] {0}, new int[] {-100}).get("accuracy"));
  }

  @Test
  void severalLabels() {
    float[][] logits = {{2, -1, 3}, {-2, -1, -3}, {1, 1, -1}, {0, -1, -1}};
    boolean[][] labels = {{true, false, true}, {false, false, false}, {true, false, true}, {true, false, false}};
    Map<String, Double> m = Metrics.labels(logits, labels);
    // 3 hits, 1 false alarm, 2 misses (a logit of 0 says no); rows 0 and 1 are right as a whole.
    assertEquals(2.0 * 3 / (6 + 1 + 2), m.get("micro_f1"), 1e-15);
    assertEquals(0.5, m.get("exact_match"));
    assertEquals(0, Metrics.labels(new float[][] {{-1}}, new boolean[][] {{false}}).get("micro_f1"));
  }

  @Test
  void numbers() {
    Map<String, Double> m = Metrics.regression(new float[][] {{1}, {2}, {4}}, new float[][] {{10}, {30}, {20}});
    // Deviations (-4/3, -1/3, 5/3) and (-10, 10, 0).
    assertEquals(10 / Math.sqrt(42 / 9.0 * 200), m.get("pearson"), 1e-12);
    assertEquals(0.5, m.get("spearman"), 1e-12);
  }

  @Test
  void spearmanSharesRanksOfTies() {
    assertArrayEquals(new double[] {2.5, 1, 2.5, 5, 5, 5}, Metrics.ranks(new double[] {3, -1, 3, 7, 7, 7}));
    assertArrayEquals(new double[] {1.5, 1.5}, Metrics.ranks(new double[] {0.0, -0.0}));
    Map<String, Double> m = Metrics.regression(new float[][] {{1}, {1}, {2}, {3}}, new float[][] {{1}, {2}, {3}, {1000}});
    // Ranks (1.5, 1.5, 3, 4) and (1, 2, 3, 4).
    assertEquals(4.5 / Math.sqrt(4.5 * 5), m.get("spearman"), 1e-12);
  }

  @Test
  void constantPredictionsHaveNoCorrelation() {
    Map<String, Double> m = Metrics.regression(new float[][] {{2}, {2}}, new float[][] {{1}, {3}});
    assertEquals(Double.NaN, m.get("pearson"));
    assertEquals(Double.NaN, m.get("spearman"));
  }

  @Test
  void notANumberIsSeenAndEnds() {
    Map<String, Double> m = assertTimeoutPreemptively(Duration.ofSeconds(60),
        () -> Metrics.regression(new float[][] {{1}, {Float.NaN}, {3}}, new float[][] {{1}, {2}, {3}}));
    assertEquals(Map.of("pearson", Double.NaN, "spearman", Double.NaN), m);
  }

  @Test
  void nothingToMeasure() {
    assertEquals(Double.NaN, Metrics.classes(new float[0][], new int[0]).get("accuracy"));
    assertEquals(Double.NaN, Metrics.labels(new float[0][], new boolean[0][]).get("exact_match"));
    assertEquals(Double.NaN, Metrics.regression(new float[0][], new float[0][]).get("pearson"));
  }
}
