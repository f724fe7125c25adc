package io.github.lora4j.train.data;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Positions of the wanted columns; −1 for those that are not. */
record Columns(Path file, boolean header, int width, int text, int pair, int label) {

  private static final String NUMBER = "\\d{1,9}";

  /** Finds the columns by the first line of a file. */
  static Columns of(Path file, DataSpec spec, List<String> first) {
    boolean numbered = spec.text().matches(NUMBER);
    return new Columns(file, !numbered, first.size(), find(file, first, spec.text(), numbered),
        spec.textPair().map(c -> find(file, first, c, numbered)).orElse(-1),
        spec.label().map(c -> find(file, first, c, numbered)).orElse(-1));
  }

  private static int find(Path file, List<String> first, String column, boolean numbered) {
    if (numbered && column.matches(NUMBER)) {
      int index = Integer.parseInt(column) - 1;
      if (index < 0 || index >= first.size()) {
        throw new FormatException("%s has %d columns, but column %s was asked for".formatted(file, first.size(), column));
      }
      return index;
    }
    // Spaces around a header's commas belong to nobody's name.
    int[] found = IntStream.range(0, first.size()).filter(i -> first.get(i).strip().equals(column.strip())).toArray();
    if (found.length == 0) {
      throw new FormatException("%s has no column \"%s\"; its header is %s (for a file without a header give column numbers, from 1)"
          .formatted(file, Names.printable(column), "[" + Names.list(first) + "]"));
    }
    if (found.length > 1) {
      throw new FormatException(("%s has %d columns \"%s\", the first two are number %d and %d; rename one, or give columns by their numbers and "
          + "take the header out")
          .formatted(file, found.length, column, found[0] + 1, found[1] + 1));
    }
    return found[0];
  }

  /** A line's row. */
  Row row(int line, List<String> fields) {
    int last = Math.max(text, Math.max(pair, label));
    if (fields.size() <= last) {
      throw new FormatException("%s, line %d: %d columns, expected %d".formatted(file, line, fields.size(), width));
    }
    return new Row(line, fields.get(text), pair < 0 ? Optional.empty() : Optional.of(fields.get(pair)),
        label < 0 ? List.of() : List.of(fields.get(label)));
  }
}
