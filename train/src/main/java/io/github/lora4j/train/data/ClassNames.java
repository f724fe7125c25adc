package io.github.lora4j.train.data;

import io.github.lora4j.vector.ConfigException;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Names of classes as they occur in data. */
public final class ClassNames {

  private static final int MOST = 10_000;

  private ClassNames() {}

  /** The labels that occur, in the order of their ids: by value if all are whole numbers, otherwise by name. */
  public static List<String> sorted(List<String> labels) {
    Set<String> found = new LinkedHashSet<>(labels);
    if (found.isEmpty()) {
      throw new ConfigException("the training data has no label at all (is data.label the right column?)");
    }
    if (found.size() > MOST) {
      throw new ConfigException("the training data has %,d different labels; is data.label the right column, or is this a regression?"
          .formatted(found.size()));
    }
    boolean numbers = found.stream().allMatch(name -> name.matches("-?\\d{1,9}"));
    Comparator<String> order = numbers ? Comparator.comparingInt(Integer::parseInt) : Comparator.naturalOrder();
    return found.stream().sorted(order).toList();
  }

  /** The labels of a row that may have several, separated by spaces or as a list. */
  public static List<String> several(Row row) {
    return row.labels().stream().flatMap(label -> List.of(label.trim().split("\\s+")).stream()).filter(name -> !name.isEmpty()).toList();
  }
}
