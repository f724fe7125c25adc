package io.github.lora4j.train;

import io.github.lora4j.checkpoint.AtomicFiles;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.baselines.HeadOnly;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.train.session.Evaluation;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.train.tasks.Prediction;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A finished run, loaded to predict and to be measured: its base model, adapter and labels. Close it to release its memory. */
public final class TrainedModel implements AutoCloseable {

  /** Room of a batch; one longer text widens it. */
  private static final int TOKENS = 2048;
  private static final int SEQUENCES = 64;
  private static final int LOGITS = 16 << 20;

  private final Recipe recipe;
  private final ModelDirectory directory;
  private final TrainingTask task;
  private final RecordedTask program;
  private final Tokenizer tokenizer;
  private final LoadedAdapter loaded;
  private final Adapter adapter;
  private final int maxLength;
  private final Backend backend;
  private @Nullable Session predicting;
  private long texts;
  private long cut;

  private TrainedModel(Recipe recipe, Path model, boolean base, String backend, int threads) {
    this.recipe = recipe;
    directory = BaseModel.open(model);
    task = recipe.task().settled(directory);
    program = task.on(directory, recipe.data().labels());
    tokenizer = Tokenizer.load(directory.path());
    loaded = PeftFormat.load(adapter(recipe.output()), program.description());
    try {
      adapter = base ? new HeadOnly(loaded.adapter()) : loaded.adapter();
      maxLength = BaseModel.maxLength(recipe.data().maxLength(), Integer.MAX_VALUE, program, loaded.adapter());
      this.backend = Backend.open(backend, threads);
    } catch (RuntimeException | Error e) {
      loaded.close();
      throw e;
    }
  }

  /**
   * Loads the adapter of a run.
   *
   * @param run the run's directory
   * @param model where the base model is now
   * @param base leave out the adapter and keep only the trained head, to compare
   * @param backend what computes, see {@link Backend#open}
   * @param threads 0: all processors
   */
  public static TrainedModel open(Path run, Path model, boolean base, String backend, int threads) {
    return new TrainedModel(RunDirectory.recipe(run), model, base, backend, threads);
  }

  /** Loads the adapter of a run, with the base model where it was; see {@link #open(Path, Path, boolean, String, int)}. */
  public static TrainedModel open(Path run, boolean base, String backend, int threads) {
    return open(run, RunDirectory.recipe(run).model(), base, backend, threads);
  }

  /** The finished adapter of a run. */
  public static Path adapter(Path run) {
    Path adapter = run.resolve("adapter");
    if (!Files.isDirectory(adapter) && Files.isDirectory(run)) {
      AtomicFiles.clear(run); // A writer that was killed while it replaced the adapter has left the old one hidden.
    }
    if (!Files.isDirectory(adapter)) {
      throw new ConfigException("%s has no adapter yet: its training is not finished; continue it with --resume".formatted(run));
    }
    return adapter;
  }

  /** The settings of the run. */
  public Recipe recipe() {
    return recipe;
  }

  /** The rows of a file with the run's columns, which needs no labels. */
  public List<Row> rows(Path file) {
    DataSpec c = recipe.data().columns();
    return DataFile.read(file, new DataSpec(c.format(), c.text(), c.textPair(), Optional.empty(), 0, c.typed()));
  }

  /** What the model says of each row. */
  public List<Prediction> predict(List<Row> rows) {
    TokenizedData data = tokenize(Path.of("input"), rows, false);
    float[][] outputs = outputs(data);
    List<Prediction> predictions = new ArrayList<>();
    int at = 0;
    for (Example example : data.examples()) {
      int next = at + example.sequences().size();
      predictions.add(task.prediction(example, Arrays.copyOfRange(outputs, at, next), recipe.data().labels()));
      at = next;
    }
    return predictions;
  }

  /** What the program computes for each row: logits, values or vector components; for pairs that are encoded separately one row for each side. */
  public float[][] outputs(List<Row> rows) {
    return outputs(tokenize(Path.of("input"), rows, false));
  }

  private float[][] outputs(TokenizedData data) {
    Session open = predicting;
    if (open == null) {
      open = session(new TaskProgram.Capacity(Math.max(TOKENS, maxLength), SEQUENCES, maxLength));
      predicting = open;
    }
    return open.predict(data);
  }

  /** Measures the model on a labelled file with the columns of the recipe: the loss, and the task's metrics. */
  public Map<String, Double> evaluate(Path file) {
    TokenizedData rows = tokenize(file, DataFile.read(file, recipe.data().columns()), true);
    TokenizedData data = program.beforehand().isEmpty() ? rows : beforehand(rows);
    int together = recipe.training().batchSize();
    TaskProgram.Capacity needed = TrainingPlan.evaluation(program, data, together);
    try (Session session = session(needed.atLeast(room()))) {
      return Evaluation.of(task, recipe.data().labels(), program, session, data, together);
    }
  }

  /** Tokens of a batch: fewer where each has a row of logits over a vocabulary. */
  private int room() {
    return program.model().head() instanceof Head.LanguageModel ? Math.clamp(LOGITS / program.model().architecture().vocabSize(), 64,
        TOKENS) : TOKENS;
  }

  private TokenizedData beforehand(TokenizedData rows) {
    try (Checkpoint weights = FittingHead.open(directory, program.model())) {
      return Beforehand.compute(program, weights, rows, recipe, backend);
    }
  }

  private Session session(TaskProgram.Capacity capacity) {
    try (Checkpoint weights = FittingHead.open(directory, program.model())) {
      return Session.open(new Session.Setup(program, List.of(weights), capacity, recipe.computing().weightType(),
          recipe.training().seed()).from(loaded.values()), adapter, backend);
    }
  }

  private TokenizedData tokenize(Path file, List<Row> rows, boolean labelled) {
    TokenizedData data = TokenizedRows.of(task, rows, new RowReader(file, tokenizer, maxLength, recipe.data().labels(), labelled,
        ModelTexts.of(directory.path())), recipe.training().batchSize()).data();
    BaseModel.requireTokens(directory, tokenizer, data);
    texts += data.texts().size();
    cut += data.cut();
    return data;
  }

  /** That texts were cut so far, if any were. */
  public Optional<String> cut() {
    return BaseModel.cut(cut, texts, "", maxLength);
  }

  @Override
  public void close() {
    if (predicting != null) {
      predicting.close();
    }
    loaded.close();
    backend.close();
  }
}
