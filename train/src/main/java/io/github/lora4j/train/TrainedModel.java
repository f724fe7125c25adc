package io.github.lora4j.train;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.HeadOnly;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.PeftFormat;
import io.github.lora4j.models.EncoderTask;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.Labels;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A finished run, loaded to predict and to be measured: its base model, adapter and labels. Close it to release its memory. */
public final class TrainedModel implements AutoCloseable {

  /** Room of a batch; one longer text widens it. */
  private static final int TOKENS = 2048;
  private static final int SEQUENCES = 64;

  private final Recipe recipe;
  private final Labels labels;
  private final EncoderTask task;
  private final Tokenizer tokenizer;
  private final int maxLength;
  private final Backend backend;
  private final Session session;

  private TrainedModel(Recipe recipe, Path model, boolean base, String backend, int threads) {
    this.recipe = recipe;
    ModelDirectory directory = ModelDirectory.open(model);
    labels = labels(recipe);
    task = Fixture.task(recipe.task(), recipe.pooling(), directory.bert(), labels.outputs());
    tokenizer = Tokenizer.load(directory.path());
    Backend opened = Backend.open(backend, threads);
    try (LoadedAdapter adapter = PeftFormat.load(adapter(recipe.output()), MergedModel.description(task));
        Checkpoint weights = directory.checkpoint()) {
      maxLength = Fixture.maxLength(recipe, task, adapter.adapter());
      TaskProgram.Capacity capacity = new TaskProgram.Capacity(Math.max(TOKENS, maxLength), SEQUENCES, maxLength);
      session = Session.open(task, List.of(weights), base ? new HeadOnly(adapter.adapter()) : adapter.adapter(), Optional.of(adapter.values()),
          capacity, Optional.empty(), opened, recipe.weightType(), recipe.seed());
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
    this.backend = opened;
  }

  /**
   * Loads the adapter of a run.
   *
   * @param run the run's directory
   * @param model where the base model is now; empty: where it was
   * @param base leave out the adapter and keep only the trained head, to compare
   * @param backend what computes, see {@link Backend#open}
   * @param threads 0: all processors
   */
  public static TrainedModel open(Path run, Optional<Path> model, boolean base, String backend, int threads) {
    Recipe recipe = RunDirectory.recipe(run);
    return new TrainedModel(recipe, model.orElse(recipe.model()), base, backend, threads);
  }

  /** The finished adapter of a run. */
  static Path adapter(Path run) {
    Path adapter = run.resolve("adapter");
    if (!Files.isDirectory(adapter)) {
      throw new ConfigException("%s has no adapter yet: its training is not finished; continue it with --resume".formatted(run));
    }
    return adapter;
  }

  static Labels labels(Recipe recipe) {
    return new Labels(Fixture.kind(recipe.task()), recipe.data().labels());
  }

  /** The settings of the run. */
  public Recipe recipe() {
    return recipe;
  }

  /** What the model's outputs mean. */
  public Labels labels() {
    return labels;
  }

  /** Predicts texts: one row of logits, values or vector components for each; for pairs of an embedding task one row for each side. */
  public float[][] predict(List<Row> rows) {
    return session.predict(tokenize(Path.of("input"), rows, new Labels(Labels.Kind.NONE, List.of())));
  }

  /** Measures the model on a labelled file with the columns of the recipe. */
  public Map<String, Double> evaluate(Path file) {
    List<Row> rows = DataFile.read(file, Fixture.withoutLimit(recipe));
    TokenizedData data = tokenize(file, rows, labels);
    return Fixture.metrics(task, session.predict(data), data);
  }

  private TokenizedData tokenize(Path file, List<Row> rows, Labels as) {
    boolean pairs = task.sequencesPerExample() == 2 && rows.stream().allMatch(row -> row.pair().isPresent());
    return TokenizedData.of(file, rows, tokenizer, as, pairs ? 2 : 1, maxLength);
  }

  @Override
  public void close() {
    session.close();
    backend.close();
  }
}
