package io.github.lora4j.train;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.plain.LoraFa;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.BaseModel;
import io.github.lora4j.train.session.FittingHead;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a run works on, read and checked: the model's directory, the program's recording, the adapter, tokenised data.
 *
 * @param recipe the run's, with what it leaves to the model and the data settled: labels, longest text, the task's own settings
 * @param notes what the user should know: texts cut, settings without effect
 */
public record PreparedRun(Recipe recipe, ModelDirectory directory, RecordedTask program, Adapter adapter, TokenizedData train,
    Optional<TokenizedData> eval, List<String> notes) {

  /** Reads everything a recipe names. */
  public static PreparedRun open(Recipe recipe) {
    Path file = recipe.data().train().orElseThrow(() -> new ConfigException("data.train is required to train"));
    DataFile.Sample sample = DataFile.sample(file, recipe.data().columns(), recipe.training().seed());
    Optional<List<Row>> eval = recipe.data().eval().map(path -> DataFile.read(path, recipe.data().columns()));
    PreparedRun run = of(recipe, file, new Rows(sample.rows(), eval));
    return sample.whole() ? run : run.with("%,d of the %,d rows of %s, drawn at random (data.limit, seed %d)".formatted(sample.rows().size(),
        sample.of(), file, recipe.training().seed()));
  }

  private PreparedRun with(String note) {
    List<String> all = new ArrayList<>(List.of(note));
    all.addAll(notes);
    return new PreparedRun(recipe, directory, program, adapter, train, eval, List.copyOf(all));
  }

  /** The same with rows that were not read from the recipe's files, and none to evaluate on. */
  public static PreparedRun of(Recipe recipe, Path source, List<Row> trainRows) {
    return of(recipe, source, new Rows(trainRows, Optional.empty()));
  }

  /** The same with rows that were not read from the recipe's files. */
  public static PreparedRun of(Recipe recipe, Path source, List<Row> trainRows, List<Row> evalRows) {
    return of(recipe, source, new Rows(trainRows, Optional.of(evalRows)));
  }

  private record Rows(List<Row> train, Optional<List<Row>> eval) {}

  private static PreparedRun of(Recipe recipe, Path source, Rows given) {
    ModelDirectory directory = BaseModel.open(recipe.model());
    TrainingTask task = recipe.task().settled(directory);
    List<String> labels = labels(recipe, task, given.train);
    RecordedTask program = task.on(directory, labels);
    Tokenizer tokenizer = Tokenizer.load(directory.path());
    Adapter adapter = adapter(recipe, directory, program);
    if (program.holdsBase()) {
      requireBase(adapter);
    }
    int maxLength = BaseModel.maxLength(recipe.data().maxLength(), task.longest(directory).orElse(Integer.MAX_VALUE), program, adapter);
    ModelTexts texts = ModelTexts.of(directory.path());
    int batch = recipe.training().batchSize();
    TokenizedRows trainTokens = TokenizedRows.of(task, given.train, new RowReader(source, tokenizer, maxLength, labels, true, texts), batch);
    Optional<TokenizedRows> evalTokens = given.eval.map(rows -> TokenizedRows.of(task, rows,
        new RowReader(recipe.data().eval().orElse(source), tokenizer, maxLength, labels, true, texts), batch));
    TokenizedData train = trainTokens.data();
    Optional<TokenizedData> eval = evalTokens.map(TokenizedRows::data);
    BaseModel.requireTokens(directory, tokenizer, train);
    eval.ifPresent(data -> BaseModel.requireTokens(directory, tokenizer, data));
    List<String> notes = new ArrayList<>(adapter.notes());
    if (!recipe.adapter().startFrom().isEmpty()) {
      notes.add("starts from the adapter of " + recipe.adapter().startFrom());
    }
    notes.addAll(trainTokens.notes("training", maxLength));
    evalTokens.ifPresent(rows -> notes.addAll(rows.notes("evaluation", maxLength)));
    BaseModel.cut(train.cut(), train.texts().size(), "training ", maxLength).ifPresent(notes::add);
    eval.flatMap(data -> BaseModel.cut(data.cut(), data.texts().size(), "evaluation ", maxLength)).ifPresent(notes::add);
    try (FittingHead weights = FittingHead.open(directory, program.model())) {
      weights.note().ifPresent(notes::add);
    }
    lastBatch(recipe, task, train).ifPresent(notes::add);
    notes.addAll(task.notes(train.examples()));
    return new PreparedRun(recipe.settled(task, labels, maxLength), directory, program, adapter, train, eval, List.copyOf(notes));
  }

  /** The reference is the model without its adapter, which must be there in the same program. */
  private static void requireBase(Adapter adapter) {
    List<String> changed = adapter.parameters().stream().filter(AdapterParameter::ofBase).map(AdapterParameter::slot).toList();
    if (!changed.isEmpty() || adapter.virtualTokens().total() > 0 || adapter.baseStarts().values().stream().anyMatch(start ->
        start.init().changesBase())) {
      throw new ConfigException("the reference is the model without its adapter, but %s; set reference: before".formatted(changed.isEmpty()
          ? "this adapter changes what the model is without it" : "%s and %d other parameters of the model train".formatted(changed.getFirst(),
              changed.size() - 1)));
    }
  }

  /** The recipe's, or those of the adapter that the run goes on from, or what occurs. */
  private static List<String> labels(Recipe recipe, TrainingTask task, List<Row> rows) {
    List<String> labels = recipe.data().labels();
    if (labels.isEmpty() && !recipe.adapter().startFrom().isEmpty()) {
      labels = StartingAdapter.of(recipe).labels();
    }
    return labels.isEmpty() ? task.labels(rows) : labels;
  }

  /** The same with data that has more to it, and none to evaluate on. */
  PreparedRun with(TokenizedData otherTrain) {
    return new PreparedRun(recipe, directory, program, adapter, otherTrain, Optional.empty(), notes);
  }

  /** The same with data that has more to it. */
  PreparedRun with(TokenizedData otherTrain, TokenizedData otherEval) {
    return new PreparedRun(recipe, directory, program, adapter, otherTrain, Optional.of(otherEval), notes);
  }

  /** The examples that are left over at the end of an epoch may be too few to learn from. */
  private static Optional<String> lastBatch(Recipe recipe, TrainingTask task, TokenizedData train) {
    if (train.size() < task.smallestBatch()) {
      throw new ConfigException("the training data has %,d rows, but task %s learns from %d or more at a time".formatted(train.size(), task.name(),
          task.smallestBatch()));
    }
    int left = train.size() % recipe.training().batchSize();
    return left == 0 || left >= task.smallestBatch() ? Optional.empty() : Optional.of(
        "the last batch of each epoch has %d of %,d examples; task %s learns nothing from fewer than %d".formatted(left, train.size(), task.name(),
            task.smallestBatch()));
  }

  private static Adapter adapter(Recipe recipe, ModelDirectory directory, RecordedTask program) {
    Map<String, Object> settings = new LinkedHashMap<>(recipe.adapter().settings());
    if (!program.taskType().isEmpty()) {
      settings.putIfAbsent("task_type", program.taskType());
    }
    settings.putIfAbsent("base_model_name_or_path", directory.config().json().path("_name_or_path").asText(recipe.model().toString()));
    AdapterMethod method = AdapterMethod.named(recipe.adapter().method());
    Adapter adapter = recipe.adapter().startFrom().isEmpty() ? method.create(settings, program.description())
        : StartingAdapter.of(recipe).structure(method, program.description());
    return recipe.training().optimizer().name().equals("lorafa") ? new LoraFa(adapter) : adapter;
  }

  /** One line for people. */
  public String describe() {
    return "%s, task %s%s".formatted(directory.path(), recipe.task().name(), recipe.data().labels().isEmpty() ? ""
        : ", labels " + recipe.data().labels());
  }

  /** The values the adapter starts from, where they are those of another; the caller closes it. */
  Optional<LoadedAdapter> start() {
    return recipe.adapter().startFrom().isEmpty() ? Optional.empty()
        : Optional.of(PeftFormat.load(StartingAdapter.of(recipe).directory(), program.description()));
  }
}
