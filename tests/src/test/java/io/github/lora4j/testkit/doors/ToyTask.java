package io.github.lora4j.testkit.doors;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.tasks.Meaning;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Labels with an order, such as "bad", "fair", "good": the rank is learnt as a number, and a prediction is the nearest rank's label. The task
 * of docs/add-a-task.md.
 *
 * @param rankGap distance of neighbouring ranks
 */
public record ToyTask(@Meaning("Distance of neighbouring ranks.") double rankGap) implements TrainingTask {

  /** Ranks 0, 1, 2. */
  public ToyTask() {
    this(1);
  }

  /** Checks the number. */
  public ToyTask {
    if (!(rankGap > 0) || rankGap > 1000) {
      throw new ConfigException("rank_gap must be above 0 and at most 1000, got %s".formatted(rankGap));
    }
  }

  @Override
  public String name() {
    return "ordinal";
  }

  /** The order is nothing that data shows. */
  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    List<String> problems = new ArrayList<>(TrainingTask.super.problems(columns, labels));
    if (labels.size() < 2) {
      problems.add("task ordinal needs data.labels: the labels from the lowest to the highest");
    }
    return problems;
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new ToyLoss(model.architecture());
  }

  @Override
  public Example example(Row row, RowReader reader) {
    return Example.of(reader.sequence(row),
        reader.labelled() ? new Target.Numbers((float) (rankGap * reader.id(row, reader.label(row)))) : Target.NONE);
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    double off = 0;
    for (int i = 0; i < judged.length; i++) {
      off += Math.abs(Math.round(judged[i][0] / rankGap) - Math.round(((Target.Numbers) targets.get(i)).values()[0] / rankGap));
    }
    return Map.of("ranks_off", off / judged.length);
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    int rank = (int) Math.clamp(Math.round(outputs[0][0] / rankGap), 0, labels.size() - 1);
    return new OfRank(labels.get(rank), outputs[0][0] / rankGap);
  }

  private record OfRank(String label, double value) implements Prediction {
    @Override
    public String text() {
      return String.format(Locale.ROOT, "%s\t%.3f", label, value);
    }

    @Override
    public Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("label", label);
      fields.put("rank", value);
      return fields;
    }
  }
}
