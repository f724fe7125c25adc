package io.github.lora4j.train;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.LoraFa;
import io.github.lora4j.models.EncoderTask;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.SentenceEmbedder;
import io.github.lora4j.models.SequenceClassifier;
import io.github.lora4j.models.bert.BertConfig;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Labels;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Loss;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a run works on, read and checked: the model's directory, the task, the adapter, tokenised data.
 *
 * @param labels how labels became numbers
 * @param notes what the user should know: texts cut, settings without effect
 */
public record Fixture(ModelDirectory directory, EncoderTask task, Adapter adapter, Labels labels, TokenizedData train,
    Optional<TokenizedData> eval, List<String> notes) {

  /** Reads everything a recipe names. */
  public static Fixture open(Recipe recipe) {
    Path file = recipe.data().train().orElseThrow(() -> new ConfigException("data.train is required to train"));
    List<Row> rows = DataFile.read(file, recipe.data().columns());
    Optional<List<Row>> evalRows = recipe.data().eval().map(path -> DataFile.read(path, withoutLimit(recipe)));
    return of(recipe, file, rows, evalRows);
  }

  static DataSpec withoutLimit(Recipe recipe) {
    DataSpec c = recipe.data().columns();
    return new DataSpec(c.format(), c.text(), c.textPair(), c.label(), 0);
  }

  /** The same with rows that were not read from the recipe's files. */
  public static Fixture of(Recipe recipe, Path source, List<Row> trainRows, Optional<List<Row>> evalRows) {
    ModelDirectory directory = ModelDirectory.open(recipe.model());
    Labels labels = recipe.data().labels().isEmpty() ? Labels.of(kind(recipe.task()), trainRows)
        : new Labels(kind(recipe.task()), recipe.data().labels());
    EncoderTask task = task(recipe.task(), recipe.pooling(), directory.bert(), labels.outputs());
    Tokenizer tokenizer = Tokenizer.load(directory.path());
    Adapter adapter = adapter(recipe, directory, task);
    int maxLength = maxLength(recipe, task, adapter);
    TokenizedData train = TokenizedData.of(source, trainRows, tokenizer, labels, task.sequencesPerExample(), maxLength);
    Optional<TokenizedData> eval = evalRows.map(rows -> TokenizedData.of(recipe.data().eval().orElse(source), rows, tokenizer, labels,
        task.sequencesPerExample(), maxLength));
    List<String> notes = new ArrayList<>(adapter.notes());
    note(notes, "training", train, maxLength);
    eval.ifPresent(data -> note(notes, "evaluation", data, maxLength));
    return new Fixture(directory, task, adapter, labels, train, eval, List.copyOf(notes));
  }

  private static void note(List<String> notes, String what, TokenizedData data, int maxLength) {
    if (data.truncated() > 0) {
      notes.add("%,d of %,d %s texts were longer than %d tokens and were cut (data.max_length)".formatted(data.truncated(), data.ids().size(),
          what, maxLength));
    }
  }

  static int maxLength(Recipe recipe, EncoderTask task, Adapter adapter) {
    int wanted = recipe.data().maxLength();
    int virtual = adapter.virtualTokens().total();
    int room = task.maxPositions() - virtual;
    if (wanted > room || room < 1) {
      throw new ConfigException("data.max_length is %d but the model has positions for %d tokens%s".formatted(wanted, task.maxPositions(),
          virtual == 0 ? "" : ", of which %d are the adapter's virtual ones (num_virtual_tokens)".formatted(virtual)));
    }
    return wanted == 0 ? room : wanted;
  }

  private static Adapter adapter(Recipe recipe, ModelDirectory directory, EncoderTask task) {
    Map<String, Object> settings = new LinkedHashMap<>(recipe.adapter());
    settings.putIfAbsent("task_type", task.taskType());
    settings.putIfAbsent("base_model_name_or_path", directory.json().path("_name_or_path").asText(recipe.model().toString()));
    Adapter adapter = AdapterMethod.named(recipe.method()).create(settings, MergedModel.description(task));
    return recipe.optimizer().name().equals("lorafa") ? new LoraFa(adapter) : adapter;
  }

  static Labels.Kind kind(Recipe.TaskKind task) {
    return switch (task) {
      case CLASSIFICATION -> Labels.Kind.CLASS;
      case MULTI_LABEL -> Labels.Kind.CLASSES;
      case REGRESSION -> Labels.Kind.NUMBER;
      case EMBEDDING -> Labels.Kind.NONE;
    };
  }

  /** The task of a recipe on a model. */
  public static EncoderTask task(Recipe.TaskKind kind, String pooling, BertConfig config, int outputs) {
    return switch (kind) {
      case CLASSIFICATION -> new SequenceClassifier(config, outputs, Loss.CROSS_ENTROPY);
      case MULTI_LABEL -> new SequenceClassifier(config, outputs, Loss.BCE_WITH_LOGITS);
      case REGRESSION -> new SequenceClassifier(config, outputs, Loss.MSE);
      case EMBEDDING -> new SentenceEmbedder(config, pooling.equals("cls") ? SentenceEmbedder.Pooling.CLS : SentenceEmbedder.Pooling.MEAN, 20);
    };
  }

  /** Measures a session on the evaluation data. */
  public Map<String, Double> metrics(Session session) {
    TokenizedData data = eval.orElseThrow(() -> new ConfigException("there is no evaluation data (data.eval)"));
    return metrics(task, session.predict(data), data);
  }

  static Map<String, Double> metrics(EncoderTask task, float[][] predictions, TokenizedData data) {
    return switch (task) {
      case SequenceClassifier classifier -> Metrics.of(classifier.loss(), predictions, data.labels());
      default -> Retrieval.ofPairs(predictions);
    };
  }

  /** One line for people. */
  public String describe() {
    return "%s, task %s%s".formatted(directory.path(), task.taskType(), switch (labels.kind()) {
      case NONE -> "";
      case NUMBER -> ", a number";
      case CLASS, CLASSES -> ", labels " + labels.names();
    });
  }
}
