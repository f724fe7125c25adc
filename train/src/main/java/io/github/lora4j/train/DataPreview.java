package io.github.lora4j.train;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.rows.RowFormat;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a training file becomes, without training: its rows as examples of a task.
 *
 * @param maxLength tokens after which rows are cut
 */
public record DataPreview(TrainingTask task, TokenizedRows rows, Tokenizer tokenizer, int maxLength) {

  private static final DataSpec FIRST = new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.empty(), 1,
      Optional.of(new DataSpec.Typed(List.of(), List.of())));

  /** The training data of a recipe. */
  public static DataPreview of(Recipe recipe) {
    Path file = recipe.data().train().orElseThrow(() -> new ConfigException("data.train is required to look at data"));
    List<Row> read = DataFile.sample(file, recipe.data().columns(), recipe.training().seed()).rows();
    ModelDirectory directory = BaseModel.open(recipe.model());
    TrainingTask task = recipe.task().settled(directory);
    List<String> labels = recipe.data().labels().isEmpty() ? task.labels(read) : recipe.data().labels();
    Tokenizer tokenizer = Tokenizer.load(directory.path());
    int maxLength = BaseModel.maxLength(recipe.data().maxLength(), task.longest(directory).orElse(Integer.MAX_VALUE),
        task.on(directory, labels), Adapter.BASE);
    return new DataPreview(task, TokenizedRows.of(task, read, new RowReader(file, tokenizer, maxLength, labels, true,
        ModelTexts.of(directory.path())), recipe.training().batchSize()), tokenizer, maxLength);
  }

  /** The task that learns from rows such as a file's first: its name in recipes. */
  public static String taskFor(Path file) {
    return taskFor(file, FIRST);
  }

  /** The same for rows of a format, as data.format names it. */
  public static String taskFor(Path file, String format) {
    return taskFor(file, new DataSpec(Optional.of(format), FIRST.text(), FIRST.textPair(), FIRST.label(), FIRST.limit(), FIRST.typed()));
  }

  private static String taskFor(Path file, DataSpec spec) {
    RowFormat found = DataFile.sample(file, spec, 0).rows().getFirst().typed().orElseThrow().format();
    return switch (found) {
      case TEXT -> "causal_lm";
      case PREFERENCE -> "dpo";
      case KTO, KTO_MESSAGES -> "kto";
      case PROMPT_COMPLETION, MESSAGES, SHAREGPT, ALPACA -> "chat";
    };
  }
}
