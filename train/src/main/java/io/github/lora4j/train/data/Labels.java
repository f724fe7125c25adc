package io.github.lora4j.train.data;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Turns labels of a file into the numbers a task trains on.
 *
 * @param kind what the labels mean
 * @param names classes in the order of their ids; empty for numbers
 */
public record Labels(Kind kind, List<String> names) {

  /** What labels mean. */
  public enum Kind {
    /** None: pairs of texts are their own labels. */
    NONE,
    /** One class. */
    CLASS,
    /** Several classes, separated by spaces, or none. */
    CLASSES,
    /** A number. */
    NUMBER
  }

  /** Copies the names. */
  public Labels {
    names = List.copyOf(names);
  }

  /** The classes that occur in these rows: by value if all are whole numbers, otherwise by name. */
  public static Labels of(Kind kind, List<Row> rows) {
    if (kind == Kind.NONE || kind == Kind.NUMBER) {
      return new Labels(kind, List.of());
    }
    Set<String> found = new LinkedHashSet<>();
    rows.forEach(row -> found.addAll(split(kind, row)));
    boolean numbers = found.stream().allMatch(name -> name.matches("-?\\d{1,9}"));
    Comparator<String> order = numbers ? Comparator.comparingInt(Integer::parseInt) : Comparator.naturalOrder();
    List<String> names = found.stream().sorted(order).toList();
    if (kind == Kind.CLASS && names.size() < 2) {
      throw new ConfigException("the training data has only the label %s; classification needs at least two (is data.label the right column?)"
          .formatted(names));
    }
    if (names.isEmpty()) {
      throw new ConfigException("the training data has no label at all (is data.label the right column?)");
    }
    if (names.size() > 10_000) {
      throw new ConfigException("the training data has %,d different labels; is data.label the right column, or is this a regression?"
          .formatted(names.size()));
    }
    return new Labels(kind, names);
  }

  /** Columns of an encoded label. */
  public int width() {
    return switch (kind) {
      case NONE -> 0;
      case CLASS, NUMBER -> 1;
      case CLASSES -> names.size();
    };
  }

  /** Classes, or 1 for a number: the width of a model's output. */
  public int outputs() {
    return kind == Kind.NUMBER ? 1 : names.size();
  }

  /** The label of a row as numbers: a class id, a 0/1 vector, a value. */
  public float[] encode(Path file, Row row) {
    if (kind == Kind.NONE) {
      return new float[0];
    }
    if (kind != Kind.CLASSES) {
      requireOne(file, row);
    }
    float[] encoded = new float[width()];
    if (kind == Kind.NUMBER) {
      encoded[0] = number(file, row);
      return encoded;
    }
    for (String label : split(kind, row)) {
      int id = names.indexOf(label);
      if (id < 0) {
        throw new FormatException("%s, line %d: label \"%s\" is not one of %s".formatted(file, row.line(), label, names));
      }
      if (kind == Kind.CLASS) {
        encoded[0] = id;
      } else {
        encoded[id] = 1;
      }
    }
    return encoded;
  }

  private static void requireOne(Path file, Row row) {
    if (row.labels().isEmpty() || row.labels().getFirst().isBlank()) {
      throw new FormatException("%s, line %d: no label".formatted(file, row.line()));
    }
    if (row.labels().size() > 1) {
      throw new FormatException("%s, line %d: expected one label, got %s (task multi_label takes several)".formatted(file, row.line(),
          row.labels()));
    }
  }

  private static float number(Path file, Row row) {
    try {
      float value = Float.parseFloat(row.labels().getFirst());
      if (Float.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Falls through to the message for everything that is not a finite number.
    }
    throw new FormatException("%s, line %d: label \"%s\" is not a number".formatted(file, row.line(), row.labels().getFirst()));
  }

  private static List<String> split(Kind kind, Row row) {
    if (kind == Kind.CLASS) {
      return row.labels();
    }
    return row.labels().stream().flatMap(label -> List.of(label.trim().split("\\s+")).stream()).filter(s -> !s.isEmpty()).toList();
  }
}
