package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.ClassNames;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One of several classes for each text or pair of texts: cross-entropy. */
public final class Classification implements TrainingTask {

  @Override
  public String name() {
    return "classification";
  }

  @Override
  public List<String> problems(DataSpec columns, List<String> labels) {
    List<String> problems = new ArrayList<>(TrainingTask.super.problems(columns, labels));
    if (labels.size() == 1) {
      problems.add("task classification needs at least two labels, data.labels is %s".formatted(labels));
    }
    return problems;
  }

  @Override
  public List<String> labels(List<Row> rows) {
    List<String> names = ClassNames.sorted(rows.stream().flatMap(row -> row.labels().stream()).map(String::strip).toList());
    if (names.size() < 2) {
      throw new ConfigException("the training data has only the label %s; classification needs at least two (is data.label the right column?)"
          .formatted("[" + Names.list(names) + "]"));
    }
    return names;
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new SequenceClassifier(model.architecture(), labels.size(), Loss.CROSS_ENTROPY);
  }

  @Override
  public Example example(Row row, RowReader reader) {
    Target target = reader.labelled() ? new Target.OneClass(reader.id(row, reader.label(row))) : Target.NONE;
    return Example.of(reader.sequence(row), target);
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Metrics.classes(judged, targets.stream().mapToInt(target -> ((Target.OneClass) target).id()).toArray());
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return new OfClass(Probabilities.softmax(labels, outputs[0]));
  }

  private record OfClass(Map<String, Double> probabilities) implements Prediction {
    private String label() {
      return Probabilities.sorted(probabilities).getFirst().getKey();
    }

    @Override
    public String text() {
      return label() + "\t" + Probabilities.text(probabilities);
    }

    @Override
    public Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("label", label());
      fields.put("probabilities", probabilities);
      return fields;
    }
  }
}
