package io.github.lora4j.cli.demo;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.cli.BackendOptions;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainListener;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.sentences.SentenceEmbedder;
import io.github.lora4j.train.sentences.SentenceLoss;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.WeightFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the demo does with the model: embed texts with the base or an adapter, and train the adapter. */
final class DemoTraining {

  private static final int MAX_LENGTH = 96;

  private final Path model;
  private final Tokenizer tokenizer;
  private final SentenceEmbedder task;

  DemoTraining(Path model) {
    this.model = model;
    tokenizer = Tokenizer.load(model);
    task = new SentenceEmbedder(ModelDirectory.open(model).architecture(), SentenceEmbedder.Pooling.MEAN, true,
        SentenceLoss.MULTIPLE_NEGATIVES, 2);
  }

  /** The model as it is. */
  Session open(Backend backend) {
    try (Checkpoint base = ModelDirectory.open(model).checkpoint()) {
      return Session.open(setup(base), Adapter.BASE, backend);
    }
  }

  /** The model with the adapter of a directory. */
  Session open(Backend backend, Path adapter) {
    try (Checkpoint base = ModelDirectory.open(model).checkpoint();
        LoadedAdapter loaded = PeftFormat.load(adapter, task.description())) {
      return Session.open(setup(base).from(loaded.values()), loaded.adapter(), backend);
    }
  }

  private Session.Setup setup(Checkpoint base) {
    return new Session.Setup(task, List.of(base), new TaskProgram.Capacity(4096, 512, MAX_LENGTH), WeightFormat.F32, 0);
  }

  /** Texts as vectors. */
  Encoder encoder(Session session) {
    return texts -> session.predict(TokenizedData.of(texts, tokenizer, MAX_LENGTH));
  }

  /** Trains on (query, signature) pairs and leaves a PEFT adapter in the output directory. */
  Path train(List<Pair> pairs, Path output, boolean brief, BackendOptions computing, TrainListener listener) {
    Recipe recipe = Recipe.builder(model, output).set("task", "embedding").set("data.text_pair", "signature").set("data.max_length", MAX_LENGTH)
        .adapter(Map.of("r", 16, "lora_alpha", 32, "target_modules", List.of("query", "key", "value", "attention.output.dense"),
            "base_model_name_or_path", DemoModel.NAME))
        .set("optimizer.learning_rate", 2e-3).set("optimizer.warmup_ratio", 0.1).set("optimizer.schedule", "linear")
        .set("batch_size", 128).set("epochs", 1).set("max_steps", brief ? 8 : 0).set("log_every", 1).set("threads", computing.threads())
        .set("backend", computing.choice()).build();
    List<Row> rows = new ArrayList<>();
    for (Pair pair : pairs) {
      rows.add(new Row(rows.size() + 1, pair.query(), Optional.of(pair.signature()), List.of()));
    }
    try (TrainingRun run = TrainingRun.open(PreparedRun.of(recipe, Path.of("the libraries' sources"), rows), Resume.NO, listener)) {
      return run.train().adapter();
    }
  }
}
