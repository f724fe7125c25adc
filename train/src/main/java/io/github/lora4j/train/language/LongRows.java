package io.github.lora4j.train.language;

import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Locale;

/** What becomes of rows that are longer than data.max_length. */
enum LongRows {
  TRUNCATE, DROP, SPLIT;

  static LongRows named(String name) {
    return switch (name) {
      case "truncate" -> TRUNCATE;
      case "drop" -> DROP;
      case "split" -> SPLIT;
      default -> throw new ConfigException("long_rows must be one of %s, got \"%s\"".formatted(List.of(values()).stream()
          .map(value -> value.name().toLowerCase(Locale.ROOT)).toList(), name));
    };
  }
}
