package io.github.lora4j.train.tasks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrainingTaskTest {

  /** A task that takes another's name. */
  private static final class Impostor implements TrainingTask {
    @Override
    public String name() {
      return "regression";
    }

    @Override
    public RecordedTask on(ModelDirectory model, List<String> labels) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Example example(Row row, RowReader reader) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Map<String, Double> metrics(float[][] judged, List<Target> targets) {
      return Map.of();
    }

    @Override
    public Prediction prediction(Example example, float[][] outputs, List<String> labels) {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void twoTasksOfOneName() {
    String message = assertThrows(ConfigException.class, () -> TrainingTask.byName(List.of(new Regression(), new Impostor()))).getMessage();
    assertTrue(message.contains("two tasks are named \"regression\"") && message.contains(Regression.class.getName())
        && message.contains(Impostor.class.getName()), message);
  }

  @Test
  void allThatComeWithTheTrainer() {
    assertTrue(TrainingTask.all().keySet().containsAll(List.of("classification", "multi_label", "regression", "embedding", "token_classification")),
        TrainingTask.all().toString());
    assertEquals(Classification.class, TrainingTask.all().get("classification").getClass());
  }
}
