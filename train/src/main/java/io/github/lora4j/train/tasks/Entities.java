package io.github.lora4j.train.tasks;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Entities in labelled words, as seqeval counts them (its default, which is conlleval's): labels are O, or B-, I-, E- or S- before the entity's kind;
 * one that goes on where none began begins one. An entity is found where kind, first and last word agree.
 */
final class Entities {

  private record Entity(String kind, int first, int last) {}

  private Entities() {}

  /** Whether labels are of this form. */
  static boolean are(List<String> labels) {
    return labels.stream().allMatch(label -> label.equals("O") || label.matches("[BIES]-.+")) && labels.stream().anyMatch(label ->
        !label.equals("O"));
  }

  /**
   * Precision, recall and F1 over all entities.
   *
   * @param right labels of each text's words, {@code found} those predicted
   */
  static Map<String, Double> measured(List<List<String>> right, List<List<String>> found) {
    long correct = 0;
    long there = 0;
    long predicted = 0;
    for (int i = 0; i < right.size(); i++) {
      Set<Entity> wanted = of(right.get(i));
      Set<Entity> got = of(found.get(i));
      there += wanted.size();
      predicted += got.size();
      correct += got.stream().filter(wanted::contains).count();
    }
    double precision = predicted == 0 ? 0 : (double) correct / predicted;
    double recall = there == 0 ? 0 : (double) correct / there;
    Map<String, Double> result = new LinkedHashMap<>();
    result.put("entity_precision", precision);
    result.put("entity_recall", recall);
    result.put("entity_f1", correct == 0 ? 0 : 2 * precision * recall / (precision + recall));
    return result;
  }

  private static Set<Entity> of(List<String> labels) {
    List<String> all = new ArrayList<>(labels);
    all.add("O");
    Set<Entity> entities = new HashSet<>();
    String before = "O";
    int first = 0;
    for (int i = 0; i < all.size(); i++) {
      String label = all.get(i);
      if (!before.equals("O") && ends(before, label)) {
        entities.add(new Entity(kind(before), first, i - 1));
      }
      if (!label.equals("O") && (before.equals("O") || ends(before, label))) {
        first = i;
      }
      before = label;
    }
    return entities;
  }

  /** Whether an entity that {@code before} belongs to ends with it. */
  private static boolean ends(String before, String label) {
    return "ES".indexOf(before.charAt(0)) >= 0 || "BSO".indexOf(label.charAt(0)) >= 0 || !kind(before).equals(kind(label));
  }

  private static String kind(String label) {
    return label.equals("O") ? "" : label.substring(2);
  }
}
