package io.github.lora4j.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.data.Row;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What a model says of one row, for people and as JSON. */
sealed interface Prediction {

  /** One class; probabilities by softmax. */
  record OfClass(Map<String, Double> probabilities) implements Prediction {}

  /** The labels above one half; probabilities by the logistic function. */
  record OfClasses(Map<String, Double> probabilities) implements Prediction {}

  /** A number. */
  record OfValue(double value) implements Prediction {}

  /** A sentence vector. */
  record OfVector(float[] vector) implements Prediction {}

  /** Two sentence vectors. */
  record OfPair(float[] first, float[] second) implements Prediction {
    double similarity() {
      double sum = 0;
      for (int i = 0; i < first.length; i++) {
        sum += (double) first[i] * second[i];
      }
      return sum;
    }
  }

  static Prediction of(TrainedModel model, float[][] rows, int at, int each) {
    float[] row = rows[at];
    List<String> names = model.labels().names();
    return switch (model.recipe().task()) {
      case CLASSIFICATION -> new OfClass(probabilities(names, row, true));
      case MULTI_LABEL -> new OfClasses(probabilities(names, row, false));
      case REGRESSION -> new OfValue(row[0]);
      case EMBEDDING -> each == 2 ? new OfPair(row, rows[at + 1]) : new OfVector(row);
    };
  }

  private static Map<String, Double> probabilities(List<String> names, float[] logits, boolean exclusive) {
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
      result.put(names.get(i), exclusive ? Math.exp(logits[i] - max) / sum : 1 / (1 + Math.exp(-logits[i])));
    }
    return result;
  }

  /** The most likely first. */
  private static List<Map.Entry<String, Double>> sorted(Map<String, Double> probabilities) {
    List<Map.Entry<String, Double>> list = new ArrayList<>(probabilities.entrySet());
    list.sort(Comparator.comparingDouble((Map.Entry<String, Double> e) -> -e.getValue()));
    return list;
  }

  private static List<String> labels(Map<String, Double> probabilities) {
    return sorted(probabilities).stream().filter(e -> e.getValue() > 0.5).map(Map.Entry::getKey).toList();
  }

  /** One line: the answer, and after a tab what it rests on. */
  default String text() {
    return switch (this) {
      case OfClass p -> sorted(p.probabilities).getFirst().getKey() + "\t" + five(p.probabilities);
      case OfClasses p -> String.join(" ", labels(p.probabilities)) + "\t" + five(p.probabilities);
      case OfValue p -> String.format(Locale.ROOT, "%.6f", p.value);
      case OfVector p -> {
        List<String> numbers = new ArrayList<>();
        for (float x : p.vector) {
          numbers.add(Float.toString(x));
        }
        yield String.join(" ", numbers);
      }
      case OfPair p -> String.format(Locale.ROOT, "%.6f", p.similarity());
    };
  }

  private static String five(Map<String, Double> probabilities) {
    return sorted(probabilities).stream().limit(5).map(e -> String.format(Locale.ROOT, "%s=%.4f", e.getKey(), e.getValue()))
        .collect(Collectors.joining(" "));
  }

  /** One object. */
  default ObjectNode json(ObjectMapper mapper, Row row) {
    ObjectNode node = mapper.createObjectNode().put("text", row.text());
    row.pair().ifPresent(pair -> node.put("text_pair", pair));
    switch (this) {
      case OfClass p -> {
        node.put("label", sorted(p.probabilities).getFirst().getKey());
        p.probabilities.forEach(node.putObject("probabilities")::put);
      }
      case OfClasses p -> {
        ArrayNode labels = node.putArray("labels");
        labels(p.probabilities).forEach(labels::add);
        p.probabilities.forEach(node.putObject("probabilities")::put);
      }
      case OfValue p -> node.put("value", p.value);
      case OfVector p -> numbers(node.putArray("vector"), p.vector);
      case OfPair p -> {
        node.put("similarity", p.similarity());
        numbers(node.putArray("vector"), p.first);
        numbers(node.putArray("vector_pair"), p.second);
      }
    }
    return node;
  }

  private static void numbers(ArrayNode array, float[] values) {
    for (float value : values) {
      array.add(value);
    }
  }
}
