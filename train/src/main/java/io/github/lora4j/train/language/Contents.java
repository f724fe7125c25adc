package io.github.lora4j.train.language;

import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.vector.FormatException;
import java.util.List;

/** What rows say, and errors of those that say something else. */
final class Contents {

  private Contents() {}

  /** A row that is not typed is a text. */
  static Content of(Row row, RowReader reader) {
    return row.typed().isPresent() ? row.typed().get().content() : new Content.Text(row.text());
  }

  /** What a row counts. */
  static float weight(Row row) {
    return (float) row.typed().map(io.github.lora4j.train.rows.TypedRow::weight).orElse(1.0).doubleValue();
  }

  /** The task cannot learn from rows of this format. */
  static FormatException wrong(Row row, RowReader reader, String task, String wanted) {
    String has = row.typed().map(typed -> typed.format().words()).orElse("text");
    String other = switch (of(row, reader)) {
      case Content.Text text -> "causal_lm";
      case Content.Answer answer -> "chat";
      case Content.Instruction instruction -> "chat";
      case Content.Conversation conversation -> "chat";
      case Content.Preference preference -> "dpo";
      case Content.Verdict verdict -> "kto";
    };
    return reader.wrong(row, "task %s learns from %s, but these rows are %s: task %s learns from them".formatted(task, wanted, has, other));
  }

  /** The example of a row that gives one. */
  static Example only(List<Example> examples, Row row, RowReader reader) {
    if (examples.size() != 1) {
      throw reader.wrong(row, "gives %d examples".formatted(examples.size()));
    }
    return examples.getFirst();
  }
}
