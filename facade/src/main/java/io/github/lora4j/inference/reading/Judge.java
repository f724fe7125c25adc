package io.github.lora4j.inference.reading;

import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.tasks.Prediction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** A finished run whose model judges texts: classes, several labels, numbers. */
public final class Judge implements Reader {

  private final String name;
  private final TrainedModel model;
  private final ReentrantLock one = new ReentrantLock(true);

  /** Opens a run. */
  public Judge(String name, Path run, String backend, int threads) {
    this.name = name;
    model = TrainedModel.open(run, RunDirectory.recipe(run).model(), false, backend, threads);
  }

  @Override
  public List<String> names() {
    return List.of(name);
  }

  @Override
  public String task(String of) {
    return model.recipe().task().name();
  }

  @Override
  public Reading read(String of, List<Text> texts) {
    List<Row> rows = new ArrayList<>();
    for (Text text : texts) {
      rows.add(new Row(rows.size() + 1, text.first(), text.second(), List.of()));
    }
    one.lock();
    try {
      return new Reading(new float[0][], model.predict(rows).stream().map(Prediction::fields).toList(), -1);
    } finally {
      one.unlock();
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
