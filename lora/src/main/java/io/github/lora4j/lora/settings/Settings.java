package io.github.lora4j.lora.settings;

import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** Typed access to settings as JSON and YAML give them. Wrong types are noted, never thrown, so that all are reported together. */
public final class Settings {

  private final Map<String, ?> values;
  private final Problems problems;
  private final Set<String> known = new LinkedHashSet<>();

  /** Reads from these values. */
  public Settings(Map<String, ?> values, Problems problems) {
    this.values = values;
    this.problems = problems;
  }

  /** The value of a key, which is known from now on; null counts as absent. */
  public Optional<Object> any(String key) {
    known.add(key);
    return Optional.ofNullable(values.get(key));
  }

  /** A whole number. */
  public int integer(String key, int otherwise) {
    return any(key).flatMap(v -> integer(key, v)).orElse(otherwise);
  }

  /** A number. */
  public double number(String key, double otherwise) {
    return any(key).flatMap(v -> number(key, v)).orElse(otherwise);
  }

  /** true or false. */
  public boolean bool(String key) {
    return any(key).flatMap(v -> v instanceof Boolean b ? Optional.of(b) : this.<Boolean>wrong(key, "true or false", v)).orElse(false);
  }

  /** A text. */
  public Optional<String> string(String key) {
    return any(key).flatMap(v -> string(key, v));
  }

  /** A list of texts, or one text for a list of one. */
  public List<String> strings(String key) {
    return any(key).map(v -> v instanceof String s ? List.of(s) : list(key, "a list of names", v, item -> string(key, item)))
        .orElse(List.of());
  }

  /** A list of whole numbers, or one number for a list of one. */
  public List<Integer> integers(String key) {
    return any(key).map(v -> list(key, "a list of whole numbers", v instanceof Number ? List.of(v) : v, item -> integer(key, item)))
        .orElse(List.of());
  }

  /** A map to whole numbers. */
  public Map<String, Integer> integerMap(String key) {
    return map(key, v -> integer(key, v));
  }

  /** A map to numbers. */
  public Map<String, Double> numberMap(String key) {
    return map(key, v -> number(key, v));
  }

  /** Notes every key that was never asked for, with the nearest known one. */
  public void refuseUnknown() {
    unknown().forEach(key -> problems.add("unknown key '%s'%s", key,
        Names.meant(key, known).map(near -> "; did you mean '" + near + "'?").orElse("")));
  }

  /** Keys that were never asked for. */
  public List<String> unknown() {
    return values.keySet().stream().filter(key -> !known.contains(key)).toList();
  }

  /** Keys that were asked for. */
  public Collection<String> known() {
    return known;
  }

  /** Notes a value of the wrong kind. */
  public <T> Optional<T> wrong(String key, String expected, Object got) {
    problems.add("%s must be %s, got %s", key, expected, brief(String.valueOf(got)));
    return Optional.empty();
  }

  /** So much of a text as a message has room for. */
  public static String brief(String text) {
    return text.length() > 100 ? text.substring(0, 100) + "…" : text;
  }

  private Optional<String> string(String key, Object value) {
    return value instanceof String s ? Optional.of(s) : wrong(key, "a text", value);
  }

  private Optional<Integer> integer(String key, Object value) {
    // A float is refused even when whole: PEFT fails on r=8.0 deep inside.
    boolean whole = value instanceof Integer || value instanceof Long l && l == l.intValue();
    return whole ? Optional.of(((Number) value).intValue()) : wrong(key, "a whole number", value);
  }

  private Optional<Double> number(String key, Object value) {
    return value instanceof Number n ? Optional.of(n.doubleValue()) : wrong(key, "a number", value);
  }

  private <T> List<T> list(String key, String expected, Object value, Function<Object, Optional<T>> item) {
    List<T> result = new ArrayList<>();
    if (value instanceof Collection<?> items) {
      items.forEach(i -> item.apply(i).ifPresent(result::add));
    } else {
      wrong(key, expected, value);
    }
    return result;
  }

  private <T> Map<String, T> map(String key, Function<Object, Optional<T>> item) {
    Map<String, T> result = new LinkedHashMap<>();
    any(key).ifPresent(v -> {
      if (v instanceof Map<?, ?> entries) {
        entries.forEach((k, i) -> item.apply(i).ifPresent(number -> result.put(String.valueOf(k), number)));
      } else {
        wrong(key, "a map from pattern to number", v);
      }
    });
    return result;
  }
}
