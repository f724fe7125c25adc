package io.github.lora4j.inference.reading;

import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Rows;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/** What a model or an adapter can be asked for. */
public enum Kind {
  /** It continues texts, or makes one from another. */
  TEXT,
  /** It gives vectors. */
  VECTORS,
  /** It gives classes or values; its head is its adapter's own. */
  JUDGEMENT;

  private static final Set<String> JUDGING = Set.of("classification", "multi_label", "regression", "token_classification", "reward");

  /** Of what was trained for a task. */
  public static Kind ofTask(String task) {
    return task.equals("embedding") ? VECTORS : JUDGING.contains(task) ? JUDGEMENT : TEXT;
  }

  /** Of an adapter's directory, or of its run's; empty where it does not say. */
  public static Optional<Kind> ofAdapter(Path adapter) {
    return RunDirectory.isRun(adapter) ? Optional.of(ofTask(RunDirectory.recipe(adapter).task().name()))
        : AdapterTask.read(adapter).map(task -> ofTask(task.task()));
  }

  /** Of a model without an adapter. */
  public static Kind ofModel(Path directory) {
    Architecture architecture = BaseModel.open(directory).architecture();
    return architecture.rowsOf(new Head.LanguageModel()) == Rows.LAST ? TEXT : VECTORS;
  }
}
