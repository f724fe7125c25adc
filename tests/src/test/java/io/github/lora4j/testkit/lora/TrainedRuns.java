package io.github.lora4j.testkit.lora;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.testkit.TinyBert;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.TokenizedData;
import io.github.lora4j.train.export.ExportedAdapter;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recorded.RecordedTask;
import io.github.lora4j.train.session.Session;
import io.github.lora4j.train.session.TaskProgram;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;

/** Runs on the tiny BERT, and what models say with and without what they trained: all that {@link MethodSuiteTest} needs of training. */
final class TrainedRuns {

  private static final List<String> LABELS = List.of("bad", "good", "so-so");
  private static final TaskProgram.Capacity CAPACITY = new TaskProgram.Capacity(64, 8, 20);
  private static final int WORDS = 97;

  private final Path dir;
  private final Path model;
  private final Path data;
  private final List<String> texts = new ArrayList<>();
  private final Map<Path, float[][]> trained = new HashMap<>();
  private final RecordedTask task;
  private final ModelDescription description;

  TrainedRuns(Path dir) {
    this.dir = dir;
    model = TinyBert.copyTo(dir.resolve("model"));
    data = dir.resolve("data.tsv");
    List<String> vocabulary = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    while (vocabulary.size() < WORDS) {
      vocabulary.add("w" + vocabulary.size());
    }
    Random random = new Random(3);
    List<String> lines = new ArrayList<>(List.of("text\tlabel"));
    for (int i = 0; i < 24; i++) {
      List<String> words = random.ints(3 + i % 5, 5, WORDS).mapToObj(w -> "w" + w).toList();
      texts.add(String.join(" ", words));
      lines.add(texts.getLast() + "\t" + LABELS.get(random.nextInt(3)));
    }
    try {
      Files.write(model.resolve("vocab.txt"), vocabulary);
      Files.write(data, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    task = recipe("none", "lora", "adamw", Map.of()).task().on(ModelDirectory.open(model), LABELS);
    description = task.description();
  }

  ModelDescription model() {
    return description;
  }

  Checkpoint base() {
    return Checkpoint.open(model);
  }

  private Recipe recipe(String name, String method, String optimizer, Map<String, Object> settings) {
    return Recipe.builder(model, dir.resolve(name.replaceAll("[^a-z0-9]+", "_") + (name.contains("+") ? "_plus" : ""))).set("data.train",
        data.toString())
        .set("data.text", "text").set("data.label", "label").set("data.labels", LABELS).set("method", method).set("optimizer.name",
        optimizer).set("optimizer.learning_rate", 2e-2).set("batch_size", 4).set("max_steps", 12).set("threads", 1).adapter(settings).build();
  }

  /** A run that has not begun. */
  PreparedRun prepared(String name, String method) {
    return PreparedRun.open(recipe(name, method, "sgd", Map.of()));
  }

  /** A finished run. */
  Path train(String name, String method, String optimizer, Map<String, Object> settings) {
    Recipe recipe = recipe(name, method, optimizer, settings);
    try (TrainingRun run = TrainingRun.open(recipe, false)) {
      run.train();
      trained.put(recipe.output(), run.session().predict(tokens()));
    }
    return recipe.output();
  }

  /** The same run, whose layers are computed again. */
  Path trainRecomputing(String name, String method, String optimizer, Map<String, Object> settings) {
    Recipe recipe = recipe(name, method, optimizer, settings).toBuilder().set("recompute", "layers").build();
    try (TrainingRun run = TrainingRun.open(recipe, false)) {
      run.train();
    }
    return recipe.output();
  }

  /** The same run, stopped after a few steps and taken up again. */
  Path trainInTwo(String name, String method, String optimizer, Map<String, Object> settings) {
    Recipe recipe = recipe(name, method, optimizer, settings);
    TrainingRun[] running = {null};
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Started) {
        running[0].stop();
      }
    })) {
      running[0] = run;
      assertThrows(CancellationException.class, run::train);
    }
    try (TrainingRun run = TrainingRun.open(recipe, true)) {
      run.train();
    }
    return recipe.output();
  }

  private TokenizedData tokens() {
    return TokenizedData.of(texts, Tokenizer.load(model), 20);
  }

  /** What the model said at the end of training, from the program that trained it. */
  float[][] duringTraining(Path run) {
    return trained.get(run);
  }

  /** What the saved adapter, or its head alone, says. */
  float[][] loaded(Path run, boolean headOnly) {
    try (TrainedModel loaded = TrainedModel.open(run, headOnly, "cpu", 1)) {
      return loaded.outputs(texts.stream().map(text -> new Row(1, text, Optional.empty(), List.of())).toList());
    }
  }

  Path merged(Path run) {
    Path merged = run.resolveSibling(run.getFileName() + "_merged");
    MergedModel.ofRun(run, false, merged);
    return merged;
  }

  Path exported(Path run) {
    Path exported = run.resolveSibling(run.getFileName() + "_lora");
    ExportedAdapter.ofRun(run, exported);
    return exported;
  }

  /** What a model directory says without an adapter. */
  float[][] plain(Path directory) {
    return plainFile(directory.resolve("model.safetensors"));
  }

  float[][] plainFile(Path file) {
    try (Checkpoint weights = Checkpoint.open(file)) {
      return predict(weights, Adapter.BASE, Optional.empty());
    }
  }

  /** What the model says with an adapter of a directory. */
  float[][] adapted(Path adapter) {
    try (LoadedAdapter loaded = PeftFormat.load(adapter, description)) {
      return adapted(loaded.adapter(), loaded.values());
    }
  }

  float[][] adapted(Adapter adapter, AdapterValues values) {
    try (Checkpoint weights = base()) {
      return predict(weights, adapter, Optional.of(values));
    }
  }

  private float[][] predict(Checkpoint weights, Adapter adapter, Optional<AdapterValues> values) {
    try (Backend backend = Backend.open("cpu", 1);
        Session session = Session.open(new Session.Setup(task, List.of(weights), CAPACITY, WeightStorage.F32, 1, values, Optional.empty()),
            adapter, backend)) {
      return session.predict(tokens());
    }
  }

  /** Compiles and loads a program that trains this adapter. */
  void opens(Adapter adapter, AdapterValues values, Optional<OptimizerSpec> optimizer) {
    try (Checkpoint weights = base(); Backend backend = Backend.open("cpu", 1);
        Session session = Session.open(new Session.Setup(task, List.of(weights), CAPACITY, WeightStorage.F32, 1, Optional.of(values), optimizer),
            adapter, backend)) {
      session.prepare();
    }
  }

  /** A set, compiled. */
  final class Served implements AutoCloseable {
    private final Checkpoint weights = base();
    private final Backend backend = Backend.open("cpu", 1);
    private final Session session;

    Served(AdapterSet set) {
      session = Session.open(new Session.Setup(task, List.of(weights), CAPACITY, WeightFormat.F32, 1), set.recording(), backend);
    }

    float[][] predict() {
      return session.predict(tokens());
    }

    @Override
    public void close() {
      session.close();
      backend.close();
      weights.close();
    }
  }

  Served serve(AdapterSet set) {
    return new Served(set);
  }

  void close(float[][] want, float[][] got, double tolerance) {
    MethodSuiteTest.same(want, got, tolerance);
  }

  static double distance(float[][] one, float[][] other) {
    double largest = 0;
    for (int i = 0; i < one.length; i++) {
      for (int j = 0; j < one[i].length; j++) {
        largest = Math.max(largest, Math.abs(one[i][j] - other[i][j]));
      }
    }
    return largest;
  }
}
