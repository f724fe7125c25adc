package io.github.lora4j.train.data;

import io.github.lora4j.vector.ConfigException;
import java.util.Locale;
import java.util.Optional;

/**
 * Which columns of a file mean what.
 *
 * @param format "tsv", "csv" or "jsonl"; empty: by the file's ending
 * @param text column of the (first) text: a header name, a JSON key, or a 1-based number for files without a header
 * @param textPair column of the second text, for sentence pairs
 * @param label column of the label; several labels of one row are separated by spaces or are a JSON array
 * @param limit train on this many rows, drawn at random; 0: on all
 */
public record DataSpec(Optional<String> format, String text, Optional<String> textPair, Optional<String> label, int limit) {

  /** File kinds. */
  enum Format {
    TSV, CSV, JSONL
  }

  /** The kind of a file. */
  Format formatOf(String fileName) {
    String lower = fileName.toLowerCase(Locale.ROOT);
    String key = format.orElseGet(() -> lower.substring(lower.lastIndexOf('.') + 1));
    return switch (key) {
      case "tsv", "tab" -> Format.TSV;
      case "csv" -> Format.CSV;
      case "jsonl", "ndjson", "json" -> Format.JSONL;
      default -> throw new ConfigException("%s: cannot tell the format; rename it to .tsv, .csv or .jsonl, or set data.format".formatted(fileName));
    };
  }
}
