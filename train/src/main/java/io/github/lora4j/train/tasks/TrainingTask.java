package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.ServiceLoader;

/**
 * What is learnt: how rows become examples, which program is trained on them, how well it does and what its predictions mean. Found by
 * {@link ServiceLoader}.
 *
 * <p>A task with settings of its own is a record: its components are keys of the recipe, in snake_case, explained by {@link Meaning}; the
 * constructor without arguments gives their defaults, and the canonical one refuses wrong values by a {@link ConfigException}. Components
 * are of type String, int, long, double or boolean, or records of such, whose components are keys like its own.
 */
public interface TrainingTask {

  /** The name in recipes. */
  String name();

  /** What of the data's settings is missing or wrong for this task. */
  default List<String> problems(DataSpec columns, List<String> labels) {
    return columns.label().isPresent() ? List.of() : List.of("task %s needs data.label: the column of the label".formatted(name()));
  }

  /** Whether rows are wanted whole, in one of the formats of {@link io.github.lora4j.train.rows.RowFormat}, and not as columns. */
  default boolean typedRows() {
    return false;
  }

  /** Whether what is trained writes texts, which are to be generated, and does not predict. */
  default boolean writes() {
    return false;
  }

  /** Fewest examples of one forward pass from which something is learnt. */
  default int smallestBatch() {
    return 1;
  }

  /** The names of the classes that occur in rows, in the order of their ids; empty where the task has none. */
  default List<String> labels(List<Row> rows) {
    return List.of();
  }

  /**
   * This task with the settings that the recipe leaves to the model.
   *
   * @throws ConfigException when the model contradicts a setting
   */
  default TrainingTask settled(ModelDirectory model) {
    return this;
  }

  /** The longest sequence the model was made for, where it says so apart from the positions it has. */
  default OptionalInt longest(ModelDirectory model) {
    return OptionalInt.empty();
  }

  /** The program: the model with a head for these labels, and its loss. */
  RecordedTask on(ModelDirectory model, List<String> labels);

  /**
   * A row as the program sees it; where the reader's rows have no labels, with {@link Target#NONE}.
   *
   * @throws io.github.lora4j.vector.FormatException naming file and line of a row that the task cannot learn from
   */
  Example example(Row row, RowReader reader);

  /**
   * What a row gives: one example, unless a task says otherwise. None where the row is too long to learn anything from it, several where it is
   * split; both are counted and told.
   */
  default List<Example> examples(Row row, RowReader reader) {
    return List.of(example(row, reader));
  }

  /**
   * Examples with what they need of one another.
   *
   * @param batch examples of a forward pass
   */
  default List<Example> together(List<Example> examples, int batch) {
    return examples;
  }

  /** What the user should know of the training data beside its size: one sentence each. */
  default List<String> notes(List<Example> examples) {
    return List.of();
  }

  /** Measures that follow from the mean loss alone. */
  default Map<String, Double> ofLoss(double loss) {
    return Map.of();
  }

  /**
   * How well the program does, beside its loss.
   *
   * @param judged the rows that the loss judged, for all examples in order
   * @param targets of the examples
   */
  Map<String, Double> metrics(float[][] judged, List<Target> targets);

  /**
   * The same where measures go by the names of labels.
   *
   * @param labels names of the classes in the order of their ids
   */
  default Map<String, Double> metrics(float[][] judged, List<Target> targets, List<String> labels) {
    return metrics(judged, targets);
  }

  /**
   * What a prediction means.
   *
   * @param outputs the program's, one array for each sequence of the example
   */
  Prediction prediction(Example example, float[][] outputs, List<String> labels);

  /** Every task there is, by name. */
  static Map<String, TrainingTask> all() {
    return byName(ServiceLoader.load(TrainingTask.class));
  }

  /**
   * Tasks by name.
   *
   * @throws ConfigException when two have the same
   */
  static Map<String, TrainingTask> byName(Iterable<TrainingTask> tasks) {
    Map<String, TrainingTask> all = new LinkedHashMap<>();
    tasks.forEach(task -> {
      TrainingTask other = all.putIfAbsent(task.name(), task);
      if (other != null) {
        throw new ConfigException("two tasks are named \"%s\": %s and %s; take one of them off the class path".formatted(task.name(),
            other.getClass().getName(), task.getClass().getName()));
      }
    });
    return all;
  }
}
