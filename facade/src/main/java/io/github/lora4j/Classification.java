package io.github.lora4j;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The class of a text, or the several that it has.
 *
 * @param labels one, where classes exclude each other; else those that are likelier than not, perhaps none
 * @param probabilities of all classes, in the order of training
 */
public record Classification(List<String> labels, Map<String, Double> probabilities) {

  /** Copies list and map. */
  public Classification {
    labels = List.copyOf(labels);
    probabilities = Collections.unmodifiableMap(new LinkedHashMap<>(probabilities));
  }

  /** The likeliest class. */
  public String label() {
    return Collections.max(probabilities.entrySet(), Map.Entry.comparingByValue()).getKey();
  }
}
