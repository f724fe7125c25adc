package io.github.lora4j.train.data;

import io.github.lora4j.train.rows.RowFormat;
import io.github.lora4j.train.rows.TypedRows;
import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Which columns of a file mean what.
 *
 * @param format kind of file ("tsv", "csv", "jsonl", "txt") or, for typed rows, a format of rows; empty: by the file's ending and its columns
 * @param text column of the (first) text: a header name, a JSON key, or a 1-based number for files without a header
 * @param textPair column of the second text, for sentence pairs
 * @param label column of the label; several labels of one row are separated by spaces or are a JSON array
 * @param limit train on this many rows, drawn at random; 0: on all
 * @param typed how whole rows are read; empty for tasks that want columns
 */
public record DataSpec(Optional<String> format, String text, Optional<String> textPair, Optional<String> label, int limit, Optional<Typed> typed) {

  /**
   * Names in typed rows.
   *
   * @param columns names that columns should have, to those they have: "prompt=question"
   * @param roles names of roles as they occur, to those of templates: "narrator=assistant"
   */
  public record Typed(List<String> columns, List<String> roles) {
    /** Copies the lists. */
    public Typed {
      columns = List.copyOf(columns);
      roles = List.copyOf(roles);
      pairs("data.columns", columns);
      pairs("data.roles", roles);
    }

    private static Map<String, String> pairs(String key, List<String> entries) {
      Map<String, String> pairs = new LinkedHashMap<>();
      for (String entry : entries) {
        int equals = entry.indexOf('=');
        if (equals < 1 || equals == entry.length() - 1) {
          throw new ConfigException("%s: expected NAME=%s, got \"%s\"".formatted(key, key.equals("data.roles") ? "ROLE" : "COLUMN", entry));
        }
        pairs.put(entry.substring(0, equals).strip(), entry.substring(equals + 1).strip());
      }
      return pairs;
    }
  }

  /** Columns, no typed rows. */
  public DataSpec(Optional<String> format, String text, Optional<String> textPair, Optional<String> label, int limit) {
    this(format, text, textPair, label, limit, Optional.empty());
  }

  /** File kinds. */
  enum Format {
    TSV, CSV, JSONL, TXT
  }

  /** The kind of a file. */
  Format formatOf(String fileName) {
    String lower = fileName.toLowerCase(Locale.ROOT).replaceFirst("\\.gz$", "");
    String ending = lower.substring(lower.lastIndexOf('.') + 1);
    return switch (format.filter(key -> typed.isEmpty() || !RowFormat.isKey(key)).orElse(ending)) {
      case "tsv", "tab" -> Format.TSV;
      case "csv" -> Format.CSV;
      case "jsonl", "ndjson", "json" -> Format.JSONL;
      case "txt" -> Format.TXT;
      case "parquet", "arrow" ->
          throw new ConfigException("%s: Parquet and Arrow files are not read; write it as JSON lines first".formatted(fileName));
      default -> throw new ConfigException(("%s: cannot tell the format; rename it to .tsv, .csv or .jsonl (.gz behind it is fine), or set "
          + "data.format").formatted(fileName));
    };
  }

  /** What reads the typed rows of one file. */
  TypedRows typedRows() {
    Typed names = typed.orElseThrow();
    Map<String, String> columns = Typed.pairs("data.columns", names.columns);
    if (!text.equals("text")) {
      columns.putIfAbsent("text", text);
    }
    return new TypedRows(format.map(RowFormat::named).orElse(List.of()), columns, Typed.pairs("data.roles", names.roles));
  }
}
