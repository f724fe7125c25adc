package io.github.lora4j.train.language;

import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is measured of models of texts. */
final class TextMetrics {

  private TextMetrics() {}

  /** The share of tokens whose likeliest prediction is right, given 1 or 0 of each. */
  static Map<String, Double> accuracy(float[][] right) {
    return Map.of("token_accuracy", Arrays.stream(right).mapToDouble(row -> row[0]).average().orElse(Double.NaN));
  }

  /** e to the mean loss of a token. */
  static Map<String, Double> perplexity(double loss) {
    return Map.of("perplexity", Math.exp(loss));
  }

  /**
   * How well pairs are told apart.
   *
   * @param rewards of the chosen and the rejected answer of each pair, one behind another
   */
  static Map<String, Double> pairs(double... rewards) {
    int pairs = rewards.length / 2;
    double right = 0;
    double margin = 0;
    double chosen = 0;
    for (int i = 0; i < pairs; i++) {
      right += rewards[2 * i] > rewards[2 * i + 1] ? 1 : 0;
      margin += rewards[2 * i] - rewards[2 * i + 1];
      chosen += rewards[2 * i];
    }
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("reward_accuracy", right / pairs);
    result.put("reward_margin", margin / pairs);
    result.put("reward_chosen", chosen / pairs);
    result.put("reward_rejected", (chosen - margin) / pairs);
    return result;
  }

  /** Such a model answers with texts, not with labels. */
  static Prediction none(String task) {
    throw new ConfigException("task %s has no labels to predict: lora4j eval measures it, lora4j generate writes texts".formatted(task));
  }
}
