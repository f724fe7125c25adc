package io.github.lora4j.train;

import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Sequence;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.rows.TypedRow;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The rows of a file as examples, and what became of them on the way.
 *
 * @param dropped rows that gave no example
 * @param split rows that gave several
 */
public record TokenizedRows(Path file, Optional<TypedRow> first, int rows, TokenizedData data, int dropped, int split) {

  /**
   * Makes examples of rows.
   *
   * @param batch examples of a forward pass
   * @throws FormatException naming the line of a row that the task cannot learn from, or when there is no other
   */
  public static TokenizedRows of(TrainingTask task, List<Row> rows, RowReader reader, int batch) {
    List<Example> examples = new ArrayList<>();
    int dropped = 0;
    int split = 0;
    for (Row row : rows) {
      List<Example> own = task.examples(row, reader);
      dropped += own.isEmpty() ? 1 : 0;
      split += own.size() > 1 ? 1 : 0;
      for (Example example : own) {
        if (reader.labelled() && example.target() instanceof Target.None) {
          throw new ConfigException("task %s (%s) gives no target for %s, line %d".formatted(task.name(), task.getClass().getName(), reader.file(),
              row.line()));
        }
      }
      examples.addAll(own);
    }
    if (dropped > 0 && examples.isEmpty()) {
      throw new FormatException("%s: none of its %,d rows leaves anything to learn within %d tokens (data.max_length, long_rows)"
          .formatted(reader.file(), rows.size(), reader.maxLength()));
    }
    return new TokenizedRows(reader.file(), rows.stream().findFirst().flatMap(Row::typed), rows.size(),
        new TokenizedData(reader.labelled() ? task.together(examples, batch) : examples), dropped, split);
  }

  /**
   * What the user should know.
   *
   * @param what which rows: "training"
   * @param maxLength tokens after which rows are cut
   */
  public List<String> notes(String what, int maxLength) {
    List<String> notes = new ArrayList<>();
    first.ifPresent(typed -> notes.add("%s: %s, %,d rows%s".formatted(file.getFileName(), typed.format().words(), rows,
        typed.unused().isEmpty() ? "" : "; not used: " + String.join(", ", typed.unused()))));
    if (dropped > 0) {
      notes.add("%,d of %,d %s rows were left out: they leave nothing to learn within %d tokens (data.max_length, long_rows)".formatted(dropped, rows,
          what, maxLength));
    }
    if (split > 0) {
      notes.add("%,d of %,d %s rows were longer than %d tokens and were split: %,d examples in all".formatted(split, rows, what, maxLength,
          data.size()));
    }
    long learnt = learnt();
    if (first.isPresent() && learnt > 0) {
      notes.add(String.format(Locale.ROOT, "%,d of %,d %s tokens are learnt (%.1f %%)", learnt, data.tokens(), what, 100.0 * learnt / data.tokens()));
    }
    return notes;
  }

  /** Tokens that a loss counts, where targets are tokens. */
  public long learnt() {
    return data.examples().stream().flatMap(example -> labels(example).stream())
        .mapToLong(labels -> IntStream.range(1, labels.ids().length).filter(t -> labels.counted()[t]).count()).sum();
  }

  /** Labels of an example's sequences, where its targets are tokens; none otherwise. */
  public static List<Target.TokenLabels> labels(Example example) {
    return switch (example.target()) {
      case Target.TokenLabels labels -> List.of(labels);
      case Target.Answers answers -> answers.labels();
      case Target.None none -> List.of();
      case Target.Pair pair -> List.of();
      case Target.OneClass one -> List.of();
      case Target.Classes several -> List.of();
      case Target.Numbers numbers -> List.of();
      case Target.Span span -> List.of();
    };
  }

  /** Rows that were cut. */
  public long cut() {
    return data.examples().stream().filter(example -> example.sequences().stream().anyMatch(Sequence::cut)).count();
  }
}
