package io.github.lora4j.train.data;

import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a task needs to make examples of rows.
 *
 * @param file where the rows come from, for messages
 * @param maxLength tokens after which a sequence is cut
 * @param labels names of the classes in the order of their ids; empty where the task has none
 * @param labelled whether the rows have labels: not where they are to be predicted
 * @param texts what the model's files say of texts
 * @param notes what the user should know of the rows
 */
public record RowReader(Path file, Tokenizer tokenizer, int maxLength, List<String> labels, boolean labelled, ModelTexts texts, Notes notes) {

  /** A reader without notes. */
  public RowReader(Path file, Tokenizer tokenizer, int maxLength, List<String> labels, boolean labelled, ModelTexts texts) {
    this(file, tokenizer, maxLength, labels, labelled, texts, new Notes());
  }

  /** A reader for tasks that need nothing of the model's files. */
  public RowReader(Path file, Tokenizer tokenizer, int maxLength, List<String> labels, boolean labelled) {
    this(file, tokenizer, maxLength, labels, labelled, ModelTexts.NONE);
  }

  /** The row's text, or both of its texts with a separator, as one sequence. */
  public Sequence sequence(Row row) {
    return Sequence.of(row.pair().isPresent() ? tokenizer.encode(row.text(), row.pair().get(), maxLength) : tokenizer.encode(row.text(), maxLength));
  }

  /** A text as tokens that know their characters. */
  public Encoding encode(String text) {
    return tokenizer.encode(text, maxLength);
  }

  /** A text as a sequence. */
  public Sequence sequence(String text) {
    return Sequence.of(encode(text));
  }

  /** The second text of a row that must have one. */
  public String pair(Row row) {
    return row.pair().orElseThrow(() -> wrong(row, "no second text"));
  }

  /** The only label of a row that must have one. */
  public String label(Row row) {
    if (row.labels().isEmpty() || row.labels().getFirst().isBlank()) {
      throw wrong(row, "no label");
    }
    if (row.labels().size() > 1) {
      throw wrong(row, "expected one label, got %s (task multi_label takes several)".formatted("[" + Names.list(row.labels()) + "]"));
    }
    return row.labels().getFirst().strip();
  }

  /** The id of a class. */
  public int id(Row row, String label) {
    int id = labels.indexOf(label);
    if (id < 0) {
      throw wrong(row, "label \"%s\" is not one of %s".formatted(Names.printable(label), "[" + Names.list(labels) + "]"));
    }
    return id;
  }

  /** An error that names file and line. */
  public FormatException wrong(Row row, String problem) {
    return new FormatException(DataFile.place(file, row.line()) + ": " + problem);
  }

  /** What is noticed in rows, each once with the number of rows. Not for several threads. */
  public static final class Notes {

    /** Notes of different rows may name different words; of the first ones there is something to learn. */
    private static final int MOST = 5;

    private final Map<String, Integer> rows = new LinkedHashMap<>();

    /** Notes something of a row. */
    public void add(String note) {
      if (rows.containsKey(note) || rows.size() < MOST) {
        rows.merge(note, 1, Integer::sum);
      }
    }

    /** The notes, with the number of rows each is of. */
    public List<String> all() {
      return rows.entrySet().stream().map(note -> "%s (%,d %s)".formatted(note.getKey(), note.getValue(), note.getValue() == 1 ? "row"
          : "rows")).toList();
    }
  }
}
