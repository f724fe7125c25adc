package io.github.lora4j.train.tasks;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.recorded.SequenceClassifier;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Names;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A number for each text or pair of texts: squared error. */
public final class Regression implements TrainingTask {

  @Override
  public String name() {
    return "regression";
  }

  @Override
  public RecordedTask on(ModelDirectory model, List<String> labels) {
    return new SequenceClassifier(model.architecture(), 1, Loss.MSE);
  }

  @Override
  public Example example(Row row, RowReader reader) {
    return Example.of(reader.sequence(row), reader.labelled() ? new Target.Numbers(number(row, reader)) : Target.NONE);
  }

  /** The label of a row as a number. */
  static float number(Row row, RowReader reader) {
    String label = reader.label(row);
    try {
      float value = Float.parseFloat(label);
      if (Float.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Falls through to the message for everything that is not a finite number.
    }
    throw reader.wrong(row, "label \"%s\" is not a number".formatted(Names.printable(label)));
  }

  @Override
  public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
    return Metrics.regression(judged, targets.stream().map(target -> ((Target.Numbers) target).values()).toArray(float[][]::new));
  }

  @Override
  public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
    return new OfValue(outputs[0][0]);
  }

  private record OfValue(float value) implements Prediction {
    @Override
    public String text() {
      return String.format(Locale.ROOT, "%.6f", value);
    }

    @Override
    public Map<String, Object> fields() {
      return Map.of("value", (double) value);
    }
  }
}
