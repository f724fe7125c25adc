package io.github.lora4j.train.tasks;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Logits of classes as probabilities by name. */
final class Probabilities {

  private static final int SHOWN = 5;

  private Probabilities() {}

  /** One class of several: softmax. */
  static Map<String, Double> softmax(List<String> names, float[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (float z : logits) {
      max = Math.max(max, z);
    }
    double sum = 0;
    for (float z : logits) {
      sum += Math.exp(z - max);
    }
    Map<String, Double> result = new LinkedHashMap<>();
    for (int i = 0; i < logits.length; i++) {
      result.put(names.get(i), Math.exp(logits[i] - max) / sum);
    }
    return result;
  }

  /** Each class by itself: the logistic function. */
  static Map<String, Double> logistic(List<String> names, float[] logits) {
    Map<String, Double> result = new LinkedHashMap<>();
    for (int i = 0; i < logits.length; i++) {
      result.put(names.get(i), 1 / (1 + Math.exp(-logits[i])));
    }
    return result;
  }

  /** The most likely first. */
  static List<Map.Entry<String, Double>> sorted(Map<String, Double> probabilities) {
    List<Map.Entry<String, Double>> list = new ArrayList<>(probabilities.entrySet());
    list.sort(Comparator.comparingDouble((Map.Entry<String, Double> e) -> -e.getValue()));
    return list;
  }

  /** The most likely ones in a line. */
  static String text(Map<String, Double> probabilities) {
    return sorted(probabilities).stream().limit(SHOWN).map(e -> String.format(Locale.ROOT, "%s=%.4f", e.getKey(), e.getValue()))
        .collect(Collectors.joining(" "));
  }
}
