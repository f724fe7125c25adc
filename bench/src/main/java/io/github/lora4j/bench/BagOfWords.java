package io.github.lora4j.bench;

import io.github.lora4j.train.data.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What needs no language model: logistic regression on which words and word pairs a text has. Stochastic gradient descent with a rate that
 * falls linearly, ten passes, weight decay 1e-4.
 */
final class BagOfWords {

  private static final int PASSES = 10;

  private final Map<String, Integer> index = new HashMap<>();
  private double[] weights = {};
  private double bias;

  /**
   * Trains on rows of two classes.
   *
   * @param positive the label of class 1
   */
  BagOfWords(List<Row> train, String positive, double learningRate, long seed) {
    int[][] features = train.stream().map(row -> features(row, true)).toArray(int[][]::new);
    weights = new double[index.size()];
    int[] order = new int[features.length];
    Arrays.setAll(order, i -> i);
    Random random = new Random(seed);
    long step = 0;
    for (int pass = 0; pass < PASSES; pass++) {
      for (int i = order.length - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
      for (int i : order) {
        double rate = learningRate * (1 - (double) step++ / ((long) PASSES * order.length));
        double target = train.get(i).labels().getFirst().equals(positive) ? 1 : 0;
        double error = target - 1 / (1 + Math.exp(-score(features[i])));
        bias += rate * error;
        for (int f : features[i]) {
          weights[f] += rate * (error - 1e-4 * weights[f]);
        }
      }
    }
  }

  /** Number of weights. */
  int size() {
    return weights.length + 1;
  }

  /** Logits of both classes. */
  float[] logits(Row row) {
    return new float[] {0, (float) score(features(row, false))};
  }

  private double score(int[] features) {
    double z = bias;
    for (int f : features) {
      z += weights[f];
    }
    return z;
  }

  private int[] features(Row row, boolean grow) {
    String[] words = (row.text() + row.pair().map(pair -> " [SEP] " + pair).orElse("")).strip().split("\\s+");
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < words.length; i++) {
      for (String feature : i == 0 ? List.of(words[i]) : List.of(words[i], words[i - 1] + " " + words[i])) {
        Integer id = grow ? index.computeIfAbsent(feature, key -> index.size()) : index.get(feature);
        if (id != null) {
          found.add(id);
        }
      }
    }
    return found.stream().distinct().mapToInt(Integer::intValue).toArray();
  }
}
