package io.github.lora4j.train;

import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.answers.Answerer;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.RunDirectory;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.train.tasks.AnsweringTask;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A finished run whose model answers with text. */
public final class AnsweringRun implements AutoCloseable {

  private final ModelDirectory directory;
  private final Recipe recipe;
  private final AnsweringTask task;
  private final Tokenizer tokenizer;
  private final Answerer answerer;
  private final Backend backend;

  private AnsweringRun(Path run, Recipe recipe, Path model, boolean base, Backend backend) {
    this.recipe = recipe;
    this.backend = backend;
    directory = BaseModel.open(model);
    if (!(recipe.task().settled(directory) instanceof AnsweringTask answering)) {
      throw new ConfigException("task %s does not answer with texts; lora4j eval without --generate measures it".formatted(recipe.task().name()));
    }
    task = answering;
    tokenizer = Tokenizer.load(directory.path());
    answerer = new Answerer(directory, base ? Optional.empty() : Optional.of(TrainedModel.adapter(run)), recipe.computing().weightType(), backend);
  }

  /** Whether a run's task answers with texts. */
  public static boolean is(Path run) {
    return RunDirectory.recipe(run).task() instanceof AnsweringTask;
  }

  /**
   * Opens a run.
   *
   * @param run its directory
   * @param model where the base model is now
   * @param base leave out the adapter, to compare
   * @param backend what computes, see {@link Backend#open}
   * @param threads 0: all processors
   */
  public static AnsweringRun open(Path run, Path model, boolean base, String backend, int threads) {
    Recipe recipe = RunDirectory.recipe(run);
    Backend opened = Backend.open(backend, threads);
    try {
      return new AnsweringRun(run, recipe, model, base, opened);
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  /** What the rows of a file ask; the file has the recipe's columns. */
  public List<Question> questions(Path file) {
    return questions(file, DataFile.read(file, recipe.data().columns()));
  }

  /** What rows ask. */
  public List<Question> questions(Path source, List<Row> rows) {
    RowReader reader = new RowReader(source, tokenizer, directory.architecture().maxPositions(), List.of(), true, ModelTexts.of(directory.path()));
    return rows.stream().map(row -> task.question(row, reader)).toList();
  }

  /** Answers questions; see {@link Answerer#answer}. */
  public List<Completion> answer(List<Question> questions, Map<String, Object> settings) {
    return answerer.answer(questions, settings);
  }

  @Override
  public void close() {
    backend.close();
  }
}
