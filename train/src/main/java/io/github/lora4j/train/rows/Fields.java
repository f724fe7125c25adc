package io.github.lora4j.train.rows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The columns of a row, or of a part of it, as JSON values.
 *
 * @param where file and line, for messages
 */
record Fields(String where, Map<String, Object> values) {

  private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Weights beyond it, or below its inverse, leave sums of single precision nothing to add to. */
  private static final double MOST = 1e3;

  boolean has(String key) {
    return values.get(key) != null;
  }

  /** A column as it is. */
  Object get(String key) {
    Object value = values.get(key);
    if (value == null) {
      throw wrong("no \"%s\"; there are %s".formatted(key, "[" + Names.list(List.copyOf(values.keySet())) + "]"));
    }
    return value;
  }

  /** A text. */
  String text(String key) {
    return text(key, get(key));
  }

  /** A text that may be missing or null: then it is empty. */
  String optional(String key) {
    return has(key) ? text(key) : "";
  }

  private String text(String key, Object value) {
    return switch (value) {
      case String text -> text;
      case Number number -> number.toString();
      case Boolean is -> is.toString();
      case Object other -> throw wrong("\"%s\" must be text, got %s".formatted(key, shown(other)));
    };
  }

  /** A list; a file of columns holds it as JSON text. */
  List<?> list(String key) {
    Object value = get(key);
    if (value instanceof String text && text.strip().startsWith("[")) {
      value = json(key, text);
    }
    if (value instanceof List<?> list) {
      return list;
    }
    throw wrong("\"%s\" must be a list, got %s".formatted(key, shown(value)));
  }

  /** Whether a column holds messages, as a list or as JSON text of one. */
  boolean holdsList(String key) {
    return get(key) instanceof List<?> || get(key) instanceof String text && text.strip().startsWith("[{");
  }

  /** A list of JSON values that may be missing. */
  List<Object> optionalList(String key) {
    if (!has(key) || get(key) instanceof String text && text.isBlank()) {
      return List.of();
    }
    List<?> list = list(key);
    if (list.contains(null)) {
      throw wrong("\"%s\" holds null where a value is expected".formatted(key));
    }
    return List.copyOf(list);
  }

  /** Yes or no. */
  boolean yes(String key) {
    return yesOrNo(get(key)).orElseThrow(() -> wrong("\"%s\" must be true or false, got %s".formatted(key, shown(get(key)))));
  }

  /** What a message or a row counts in the loss: a number that is not negative, true or false; 1 where nothing is said. */
  double weight() {
    if (!has("weight")) {
      return 1;
    }
    Object value = get("weight");
    double weight = value instanceof Boolean is ? is ? 1 : 0 : value instanceof Number number ? number.doubleValue() : Double.NaN;
    if (value instanceof String text) {
      try {
        weight = text.isBlank() ? 1 : Double.parseDouble(text.strip());
      } catch (NumberFormatException e) {
        // Is refused below.
      }
    }
    if (!(weight >= 0) || weight > MOST || weight > 0 && weight < 1 / MOST) {
      throw wrong("\"weight\" must be 0 (not learnt) or a number from %s to %s, got %s".formatted(1 / MOST, MOST, shown(value)));
    }
    return weight;
  }

  private static Optional<Boolean> yesOrNo(Object value) {
    return switch (value.toString().strip().toLowerCase(java.util.Locale.ROOT)) {
      case "true", "1", "1.0" -> Optional.of(true);
      case "false", "0", "0.0" -> Optional.of(false);
      default -> Optional.empty(); // for the caller to refuse
    };
  }

  /** A JSON object inside this row. */
  Fields inside(String what, Object item) {
    if (!(item instanceof Map<?, ?> map)) {
      throw wrong("%s must be an object, got %s".formatted(what, shown(item)));
    }
    Map<String, Object> values = new java.util.LinkedHashMap<>();
    map.forEach((key, value) -> values.put(String.valueOf(key), value));
    return new Fields(where + ", " + what, values);
  }

  /** A value that is given as JSON text. */
  Object json(String key, String text) {
    try {
      return JSON.readValue(text, Object.class);
    } catch (JsonProcessingException e) {
      throw wrong("\"%s\" is not valid JSON: %s".formatted(key, Names.printable(e.getOriginalMessage())));
    }
  }

  /** An error that names the place. */
  FormatException wrong(String problem) {
    return new FormatException(where + ": " + problem);
  }

  static String shown(Object value) {
    String text = Names.printable(String.valueOf(value));
    return text.length() > 80 ? text.substring(0, 80) + "…" : text;
  }
}
