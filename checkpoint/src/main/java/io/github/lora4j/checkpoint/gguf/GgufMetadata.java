package io.github.lora4j.checkpoint.gguf;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * The keys of a GGUF file. Whole numbers are read from any type of whole numbers, and others from any type of numbers, as llama.cpp's files
 * differ in them.
 *
 * @param values by key, in the file's order
 * @param source the file, for messages
 */
public record GgufMetadata(SequencedMap<String, GgufValue> values, String source) {

  /** Copies the map. */
  public GgufMetadata {
    values = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(values));
  }

  /** Whether the key is there. */
  public boolean has(String key) {
    return values.containsKey(key);
  }

  /** The value of a key; one that is not there is a {@link FormatException} that names the nearest. */
  public GgufValue value(String key) {
    GgufValue value = values.get(key);
    if (value == null) {
      throw error("has no key %s; the nearest are: %s".formatted(key, Names.list(Names.nearest(key, values.keySet(), 3))));
    }
    return value;
  }

  /** A text. */
  public String text(String key) {
    return value(key).value() instanceof String text ? text : wrong(key, "a text");
  }

  /** A text that need not be there. */
  public Optional<String> optionalText(String key) {
    return has(key) ? Optional.of(text(key)) : Optional.empty();
  }

  /** A whole number. */
  public long whole(String key) {
    GgufValue value = value(key);
    return value.value() instanceof Long number && !(value.kind() == GgufValue.Kind.U64 && number < 0) ? number : wrong(key, "a whole number");
  }

  /** A whole number that is of no sign and fits an {@code int}: a count or an id. */
  public int count(String key) {
    long number = whole(key);
    return number >= 0 && number <= Integer.MAX_VALUE ? (int) number : wrong(key, "a number from 0 to " + Integer.MAX_VALUE);
  }

  /** A number. */
  public double number(String key) {
    return switch (value(key).value()) {
      case Float number -> number;
      case Double number -> number;
      case Long _ -> whole(key);
      case Object _ -> wrong(key, "a number");
    };
  }

  /** Yes or no; {@code otherwise} where the key is not there. */
  public boolean flag(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    return value(key).value() instanceof Boolean flag ? flag : wrong(key, "true or false");
  }

  /** Texts. */
  @SuppressWarnings("unchecked")
  public List<String> texts(String key) {
    return value(key).value() instanceof GgufValue.Items items && (items.kind() == GgufValue.Kind.STRING || items.values().isEmpty())
        ? (List<String>) items.values() : wrong(key, "an array of texts");
  }

  /** Whole numbers. */
  public long[] wholes(String key) {
    return value(key).value() instanceof GgufValue.Items items && items.kind().whole()
        ? items.values().stream().mapToLong(number -> (Long) number).toArray() : wrong(key, "an array of whole numbers");
  }

  /** Numbers. */
  public double[] numbers(String key) {
    return value(key).value() instanceof GgufValue.Items items
        && (items.kind().whole() || items.kind() == GgufValue.Kind.F32 || items.kind() == GgufValue.Kind.F64)
        ? items.values().stream().mapToDouble(number -> ((Number) number).doubleValue()).toArray() : wrong(key, "an array of numbers");
  }

  /** Whether the key holds an array. */
  public boolean array(String key) {
    return has(key) && value(key).value() instanceof GgufValue.Items;
  }

  /** Every key as text, for people. */
  public Map<String, String> shown() {
    Map<String, String> shown = new LinkedHashMap<>();
    values.forEach((key, value) -> shown.put(key, value.toString()));
    return shown;
  }

  /** An error about this file. */
  public FormatException error(String problem) {
    return new FormatException(source + ": " + problem);
  }

  private <T> T wrong(String key, String expected) {
    GgufValue value = value(key);
    throw error("key %s should be %s, got %s of type %s".formatted(key, expected, value, value.kind()));
  }
}
