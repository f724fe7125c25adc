package io.github.lora4j.bench;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterParameter;
import io.github.lora4j.lora.Initial;
import io.github.lora4j.train.Fixture;
import io.github.lora4j.train.Recipe;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * SST-2 in three ways, as a table with intervals: a regression on words and word pairs, the frozen encoder with a trained head, and
 * LoRA. One epoch over the first 16,000 rows of the training file, accuracy on the development file.
 *
 * <p>Arguments: model directory, train.tsv, dev.tsv (columns sentence and label, as GLUE has them), number of seeds.
 */
public final class Sst2 {

  private static final int ROWS = 16_000;

  /** Trains the classifier alone: everything below it is frozen. */
  private record Head(int hidden, int labels) implements Adapter {
    @Override
    public List<AdapterParameter> parameters() {
      return List.of(AdapterParameter.of("classifier.weight", List.of((long) labels, (long) hidden), 0, Initial.FROM_BASE),
          AdapterParameter.of("classifier.bias", List.of((long) labels), 1, Initial.FROM_BASE));
    }

    @Override
    public Map<String, Object> peftConfig() {
      return Map.of("peft_type", "NONE", "base_model_name_or_path", "");
    }
  }

  private Sst2() {}

  public static void main(String[] args) throws IOException {
    Path model = Path.of(args[0]);
    Path train = Path.of(args[1]);
    Path dev = Path.of(args[2]);
    int seeds = Integer.parseInt(args[3]);
    Recipe recipe = recipe(model, train, dev, 5e-4, 1);
    List<Row> rows = DataFile.read(train, recipe.data().columns());
    List<Row> test = DataFile.read(dev, recipe.data().columns());
    double[] words = new double[seeds];
    double[] lora = new double[seeds];
    double[] rates = {1e-3, 5e-3, 2e-2};
    double[][] head = new double[rates.length][seeds];
    for (int seed = 1; seed <= seeds; seed++) {
      words[seed - 1] = words(rows, test, seed);
      for (int r = 0; r < rates.length; r++) {
        head[r][seed - 1] = run(recipe(model, train, dev, rates[r], seed), true);
      }
      lora[seed - 1] = run(recipe(model, train, dev, 5e-4, seed), false);
    }
    System.out.println("| method | accuracy by seed | mean | 95 % interval |");
    System.out.println("|---|---|---|---|");
    row("words and word pairs, logistic regression", words);
    for (int r = 0; r < rates.length; r++) {
      row("frozen encoder + head, lr " + rates[r], head[r]);
    }
    row("LoRA r=8 on q, v, lr 5e-4", lora);
  }

  private static Recipe recipe(Path model, Path train, Path dev, double rate, int seed) throws IOException {
    return Recipe.builder(model, Files.createTempDirectory("sst2")).set("data.train", train.toString()).set("data.eval", dev.toString())
        .set("data.text", "sentence").set("data.label", "label").set("data.limit", ROWS)
        .adapter(Map.of("r", 8, "lora_alpha", 16, "target_modules", List.of("query", "value")))
        .set("optimizer.learning_rate", rate).set("batch_size", 32).set("epochs", 1).set("seed", seed).set("log_every", 100_000).build();
  }

  private static double run(Recipe recipe, boolean headOnly) throws IOException {
    Fixture f = Fixture.open(recipe);
    if (headOnly) {
      f = new Fixture(f.directory(), f.task(), new Head(f.directory().bert().hiddenSize(), 2), f.labels(), f.train(), f.eval(), f.notes());
    }
    try (TrainingRun run = TrainingRun.open(recipe, f, false)) {
      TrainEvent.Finished finished = run.train();
      double accuracy = finished.metrics().get("accuracy");
      System.err.printf("%s, lr %s, seed %d: %.4f, %.0f rows/s%n", headOnly ? "head" : "LoRA", recipe.optimizer().learningRate(), recipe.seed(), accuracy,
          f.train().size() / finished.seconds());
      return accuracy;
    } finally {
      try (Stream<Path> files = Files.walk(recipe.output())) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /** Logistic regression on binary features, stochastic gradient descent with a rate that falls linearly, ten passes. */
  private static double words(List<Row> train, List<Row> test, int seed) {
    Map<String, Integer> index = new HashMap<>();
    int[][] features = train.stream().map(row -> features(row.text(), index, true)).toArray(int[][]::new);
    double[] weights = new double[index.size()];
    double bias = 0;
    int[] order = new int[features.length];
    Arrays.setAll(order, i -> i);
    Random random = new Random(seed);
    int passes = 10;
    long step = 0;
    for (int pass = 0; pass < passes; pass++) {
      for (int i = order.length - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
      for (int i : order) {
        double rate = 0.3 * (1 - (double) step++ / ((long) passes * order.length));
        double z = bias;
        for (int f : features[i]) {
          z += weights[f];
        }
        double error = Integer.parseInt(train.get(i).labels().getFirst()) - 1 / (1 + Math.exp(-z));
        bias += rate * error;
        for (int f : features[i]) {
          weights[f] += rate * (error - 1e-4 * weights[f]);
        }
      }
    }
    int correct = 0;
    for (Row row : test) {
      double z = bias;
      for (int f : features(row.text(), index, false)) {
        z += weights[f];
      }
      correct += z > 0 == row.labels().getFirst().equals("1") ? 1 : 0;
    }
    return (double) correct / test.size();
  }

  private static int[] features(String text, Map<String, Integer> index, boolean grow) {
    String[] words = text.strip().split("\\s+");
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < words.length; i++) {
      for (String feature : i == 0 ? List.of(words[i]) : List.of(words[i], words[i - 1] + " " + words[i])) {
        Integer id = grow ? index.computeIfAbsent(feature, key -> index.size()) : index.get(feature);
        if (id != null) {
          found.add(id);
        }
      }
    }
    return found.stream().distinct().mapToInt(Integer::intValue).toArray();
  }

  /** Mean and Student's interval over seeds. */
  private static void row(String name, double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double variance = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / Math.max(1, values.length - 1);
    double[] student = {Double.NaN, 12.71, 4.303, 3.182, 2.776};
    double half = values.length < 2 ? Double.NaN : student[Math.min(values.length - 1, 4)] * Math.sqrt(variance / values.length);
    System.out.printf("| %s | %s | %.1f %% | ± %.1f |%n", name,
        String.join(", ", Arrays.stream(values).mapToObj(v -> "%.1f".formatted(100 * v)).toList()), 100 * mean, 100 * half);
  }
}
