package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.ClassNames;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.vector.Loss;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Several labels at once, or none, for each text or pair of texts: binary cross-entropy. */
public final class MultiLabel implements TrainingTask {

  @Override
  public String name() {
    return "multi_label";
  }

  @Override
  public List<String> labels(List<Row> rows) {
    return ClassNames.sorted(rows.stream().flatMap(row -> ClassNames.several(row).stream()).toList());
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new SequenceClassifier(model.architecture(), labels.size(), Loss.BCE_WITH_LOGITS);
  }

  @Override
  public Example example(Row row, RowReader reader) {
    if (!reader.labelled()) {
      return Example.of(reader.sequence(row), Target.NONE);
    }
    boolean[] apply = new boolean[reader.labels().size()];
    ClassNames.several(row).forEach(label -> apply[reader.id(row, label)] = true);
    return Example.of(reader.sequence(row), new Target.Classes(apply));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Metrics.labels(judged, targets.stream().map(target -> ((Target.Classes) target).apply()).toArray(boolean[][]::new));
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return new OfClasses(Probabilities.logistic(labels, outputs[0]));
  }

  private record OfClasses(Map<String, Double> probabilities) implements Prediction {
    private List<String> labels() {
      return Probabilities.sorted(probabilities).stream().filter(e -> e.getValue() > 0.5).map(Map.Entry::getKey).toList();
    }

    @Override
    public String text() {
      return String.join(" ", labels()) + "\t" + Probabilities.text(probabilities);
    }

    @Override
    public Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("labels", labels());
      fields.put("probabilities", probabilities);
      return fields;
    }
  }
}
