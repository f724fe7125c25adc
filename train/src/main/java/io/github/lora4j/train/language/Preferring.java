package io.github.lora4j.train.language;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.preference.Reference;
import io.github.lora4j.train.rows.Content;
import io.github.lora4j.train.rows.Turns;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;

/** What tasks have in common that learn from answers that are better than others. */
interface Preferring extends TrainingTask {

  String REFERENCE = "What the model is held against: itself without the adapter, computed in each step (step) or once before training (before).";
  String BETA = "How strongly the model is held to its reference; for orpo, how much odds count beside the answers themselves.";

  /** How conversations are written. */
  Writing writing();

  /** The same, written otherwise. */
  TrainingTask with(Writing other);

  @Override
  default boolean typedRows() {
    return true;
  }

  @Override
  default boolean writes() {
    return true;
  }

  @Override
  default List<String> problems(DataSpec columns, List<String> labels) {
    return List.of();
  }

  @Override
  default TrainingTask settled(ModelDirectory model) {
    return with(writing().settled(model));
  }

  static Reference reference(String name) {
    return switch (name) {
      case "step" -> Reference.STEP;
      case "before" -> Reference.GIVEN;
      default -> throw new ConfigException("reference must be step or before, got \"%s\"".formatted(name));
    };
  }

  @Override
  default Example example(Row row, RowReader reader) {
    return Contents.only(examples(row, reader), row, reader);
  }

  /** A pair; none where nothing of an answer is within the longest length. */
  @Override
  default List<Example> examples(Row row, RowReader reader) {
    if (!(Contents.of(row, reader) instanceof Content.Preference pair)) {
      throw Contents.wrong(row, reader, name(), "preference pairs");
    }
    return pair(answer(pair.prompt(), pair.chosen(), row, reader), answer(pair.prompt(), pair.rejected(), row, reader), true);
  }

  /** Two answers of at most the longest length. */
  static List<Example> pair(Marked first, Marked second, boolean good) {
    return first.learnt() == 0 || second.learnt() == 0 ? List.of()
        : List.of(new Example(List.of(first.sequence(), second.sequence()), new Target.Answers(List.of(first.labels(), second.labels()), good)));
  }

  /** An answer behind its prompt, cut at the end. */
  default Marked answer(Turns prompt, Turns answer, Row row, RowReader reader) {
    Marked marked = writing().answer(prompt, answer, List.of(), row, reader);
    if (!marked.even()) {
      throw reader.wrong(row, "messages of preferences can have a weight of 0 or 1 only: their loss compares whole answers");
    }
    return marked.first(reader.maxLength());
  }

  /**
   * Metrics of log-ratios of answers.
   *
   * @param beta by which they are rewards
   * @param means whether by tokens
   */
  static Map<String, Double> rewards(float[][] judged, double beta, boolean means) {
    double[] rewards = new double[judged.length];
    for (int i = 0; i < rewards.length; i++) {
      rewards[i] = beta * judged[i][0] * (means ? judged[i][1] : 1);
    }
    return TextMetrics.pairs(rewards);
  }

  @Override
  default Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return TextMetrics.none(name());
  }
}
