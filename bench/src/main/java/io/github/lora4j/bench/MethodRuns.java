package io.github.lora4j.bench;

import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.train.tasks.Metrics;
import io.github.lora4j.vector.TrainingException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs cells that the file of results does not have yet. */
final class MethodRuns {

  private static final int TUNING_SEED = 1000;

  private final MethodOptions options;
  private final Map<Cell.Run, Cell> done;

  MethodRuns(MethodOptions options) {
    this.options = options;
    done = Cell.read(options.results());
  }

  /**
   * The learning rate with the best score on held-out training rows. Equal scores are common where a model answers the same for every row
   * (a correlation of 0), so of equals the one that learned more: with the lower training loss.
   */
  double tuned(MethodSpec spec, GlueTask task) {
    Comparator<Cell> better = Comparator.comparingDouble(Cell::score).thenComparing(Comparator.comparingDouble(Cell::finalLoss).reversed());
    return spec.rates().stream().map(rate -> run(spec, task, rate, TUNING_SEED, true)).filter(cell -> !Double.isNaN(cell.score()))
        .max(better).map(cell -> cell.run().rate()).orElse(spec.rates().getFirst());
  }

  /** One run on the training rows, measured on the development file. */
  Cell measured(MethodSpec spec, GlueTask task, double rate, int seed) {
    return run(spec, task, rate, seed, false);
  }

  private Cell run(MethodSpec spec, GlueTask task, double rate, int seed, boolean tuning) {
    Cell.Run run = new Cell.Run(options.name(), task.folder(), spec.name() + " " + new java.util.TreeMap<>(spec.settings()), rate, seed,
        tuning,
        options.rows(), options.evalRows(), options.epochs());
    Cell cell = done.get(run);
    if (cell == null) {
      List<Row> rows = task.rows(options.glue(), "train.tsv", options.rows());
      // A fifth is held out where rates are compared: the development file is for the result alone.
      int kept = tuning ? rows.size() - rows.size() / 5 : rows.size();
      List<Row> eval = tuning ? rows.subList(kept, rows.size()) : task.rows(options.glue(), "dev.tsv", options.evalRows());
      cell = train(spec, task, run, rows.subList(0, kept), eval);
      cell.append(options.results());
      done.put(run, cell);
      System.err.printf("%s, %s, lr %s, seed %d%s: %s %.4f, %.0f s, %.0f rows/s%n", task.folder(), spec.name(), rate, seed,
          tuning ? ", held-out rows" : "", task.metric(), cell.score(), cell.seconds(), cell.rowsPerSecond());
    }
    return cell;
  }

  private Cell train(MethodSpec spec, GlueTask task, Cell.Run run, List<Row> rows, List<Row> eval) {
    List<String> labels = rows.stream().map(row -> row.labels().getFirst()).distinct().sorted().toList();
    if (spec.method().equals("words")) {
      return words(task, run, rows, eval, labels);
    }
    Path directory = temporary();
    try {
      Recipe recipe = recipe(spec, task, run, labels, directory);
      PreparedRun prepared = PreparedRun.of(recipe, options.glue().resolve(task.folder()), rows, eval);
      if (spec.method().equals("head")) {
        prepared = new PreparedRun(prepared.recipe(), prepared.directory(), prepared.program(),
            new FrozenEncoder(prepared.directory().architecture().hiddenSize(), 2), prepared.train(), prepared.eval(), prepared.notes());
      }
      List<Double> losses = new ArrayList<>();
      long[] trainable = new long[1];
      try (TrainingRun training = TrainingRun.open(prepared, Resume.NO, event -> {
        switch (event) {
          case TrainEvent.Started started -> trainable[0] = started.trainable();
          case TrainEvent.Step step -> losses.add(Math.round(1e3 * step.loss()) / 1e3);
          default -> { }
        }
      })) {
        TrainEvent.Finished finished = training.train();
        return new Cell(run, task.of(finished.metrics()), trainable[0], finished.seconds(),
            rows.size() * run.epochs() / finished.seconds(),
            losses.stream().mapToDouble(Double::doubleValue).toArray());
      } catch (TrainingException e) {
        System.err.println(spec.name() + ": " + e.getMessage());
        return new Cell(run, Double.NaN, trainable[0], Double.NaN, Double.NaN, losses.stream().mapToDouble(Double::doubleValue).toArray());
      }
    } finally {
      delete(directory);
    }
  }

  private Recipe recipe(MethodSpec spec, GlueTask task, Cell.Run run, List<String> labels, Path directory) {
    RecipeBuilder builder = Recipe.builder(options.model(), directory).set("data.train",
        options.glue().resolve(task.folder()).resolve("train.tsv").toString())
        .set("data.text", task.text()).set("data.label", task.label()).set("data.labels", labels).set("data.max_length", 128)
        .set("method", spec.method().equals("head") ? "lora" : spec.method())
        .adapter(spec.method().equals("head") ? Map.of("target_modules", List.of("query")) : spec.settings())
        .set("optimizer.learning_rate", run.rate()).set("optimizer.warmup_ratio", 0.06).set("batch_size", 32).set("epochs", run.epochs())
        .set("seed", run.seed()).set("log_every", 1).set("eval_every", Integer.MAX_VALUE).set("threads", options.threads());
    task.pair().ifPresent(column -> builder.set("data.text_pair", column));
    return builder.build();
  }

  private static Cell words(GlueTask task, Cell.Run run, List<Row> rows, List<Row> eval, List<String> labels) {
    long start = System.nanoTime();
    BagOfWords words = new BagOfWords(rows, labels.getLast(), run.rate(), run.seed());
    double seconds = (System.nanoTime() - start) / 1e9;
    float[][] logits = eval.stream().map(words::logits).toArray(float[][]::new);
    int[] truth = eval.stream().mapToInt(row -> labels.indexOf(row.labels().getFirst())).toArray();
    return new Cell(run, task.of(Metrics.classes(logits, truth)), words.size(), seconds, rows.size() / seconds,
        new double[0]);
  }

  private static Path temporary() {
    try {
      return Files.createTempDirectory("methods");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
