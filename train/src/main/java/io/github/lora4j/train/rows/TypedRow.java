package io.github.lora4j.train.rows;

import java.util.List;

/**
 * A row in one of the formats.
 *
 * @param unused columns that the format has no use for
 * @param weight what each learnt token of the row counts in the loss; 0: the row is left out
 */
public record TypedRow(RowFormat format, Content content, List<String> unused, double weight) {

  /** Copies the list. */
  public TypedRow {
    unused = List.copyOf(unused);
  }
}
