package io.github.lora4j.train.data;

import io.github.lora4j.train.rows.TypedRow;
import java.util.List;
import java.util.Optional;

/**
 * One row of a data file.
 *
 * @param line where it stands in the file, from 1
 * @param text what the column of the text holds; empty for typed rows
 * @param labels the label as text, several for multi-label data, none if the file has no label column
 * @param typed the whole row in one of the known formats, for tasks that want it
 */
public record Row(int line, String text, Optional<String> pair, List<String> labels, Optional<TypedRow> typed) {

  /** A row of columns. */
  public Row(int line, String text, Optional<String> pair, List<String> labels) {
    this(line, text, pair, labels, Optional.empty());
  }

  /** A typed row. */
  public static Row of(int line, TypedRow row) {
    return new Row(line, "", Optional.empty(), List.of(), Optional.of(row));
  }
}
