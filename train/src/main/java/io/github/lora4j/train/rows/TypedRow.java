package io.github.lora4j.train.rows;

import java.util.List;

/**
 * A row in one of the formats.
 *
 * @param unused columns that the format has no use for
 */
public record TypedRow(RowFormat format, Content content, List<String> unused) {

  /** Copies the list. */
  public TypedRow {
    unused = List.copyOf(unused);
  }
}
