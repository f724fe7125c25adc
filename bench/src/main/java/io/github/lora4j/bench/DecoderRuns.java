package io.github.lora4j.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.TrainingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs the command for what the file of results does not have yet. */
final class DecoderRuns {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SEARCH_SEED = 1000;
  private static final String SEARCH_STEPS = "30";
  private static final String NEW_TOKENS = "80";

  private final DecoderOptions options;
  private final DecoderData data;
  private final Map<DecoderRun.Key, DecoderRun> done;

  DecoderRuns(DecoderOptions options, DecoderData data) {
    this.options = options;
    this.data = data;
    done = DecoderRun.read(options.results());
  }

  /** The learning rate with the least loss on rows held out of training: of what is compared everywhere, on the text alone. */
  double searched(DecoderTask task, DecoderMethod method) throws IOException {
    DecoderTask in = options.sources().containsKey(DecoderTask.SHAKESPEARE) && DecoderMethod.FOUR.contains(method) ? DecoderTask.SHAKESPEARE
        : task == DecoderTask.DPO ? DecoderTask.E2E : task;
    double best = Double.NaN;
    double least = Double.POSITIVE_INFINITY;
    for (double rate : method.rates()) {
      double loss = run(in, method, rate, SEARCH_SEED, "search").of("loss");
      if (loss < least) {
        least = loss;
        best = rate;
      }
    }
    return Double.isNaN(best) ? method.rates().getFirst() : best;
  }

  /** A run measured on the test rows. */
  DecoderRun measured(DecoderTask task, DecoderMethod method, double rate, int seed) throws IOException {
    return run(task, method, rate, seed, "test");
  }

  private DecoderRun run(DecoderTask task, DecoderMethod method, double rate, int seed, String part) throws IOException {
    String recipe = method.in(options.recipe(task)) + "optimizer.learning_rate: %s%nseed: %d%nsamples: 0%n".formatted(rate, seed);
    DecoderRun.Key key = new DecoderRun.Key(task.key(), method.name(), part, recipe);
    DecoderRun run = done.get(key);
    if (run == null) {
      run = train(task, key, part);
      run.append(options.results());
      done.put(key, run);
      System.err.printf("%s, %s, lr %s, seed %d, %s: %s, %.0f s%n", task.title(), method.name(), rate, seed, part, run.metrics(), run.seconds());
    }
    return run;
  }

  private DecoderRun train(DecoderTask task, DecoderRun.Key key, String part) throws IOException {
    Path output = options.work().resolve("run");
    delete(output);
    Path file = options.work().resolve("%s-%s-%s.yaml".formatted(task.key(), key.method().replaceAll("[^a-z+]", ""), part));
    Files.writeString(file, key.recipe() + "model: %s%noutput: %s%ndata.train: %s%ndata.eval: %s%nthreads: %d%n".formatted(quoted(options.model()),
        quoted(output), quoted(data.part(task, "train")), quoted(data.part(task, part)), options.threads()));
    try {
      if (part.equals("search")) {
        command("train", file.toString(), "--max_steps", SEARCH_STEPS);
      } else {
        command("train", file.toString());
      }
    } catch (TrainingException e) {
      System.err.println(e.getMessage());
      return new DecoderRun(key, Map.of("loss", Double.POSITIVE_INFINITY, task.metric(), Double.NaN), 0, Double.NaN);
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    long parameters = 0;
    double seconds = 0;
    for (String line : Files.readAllLines(output.resolve("metrics.jsonl"))) {
      JsonNode event = JSON.readTree(line);
      parameters = Math.max(parameters, event.path("trainable").asLong(0));
      if (event.path("event").asText().equals("finished")) {
        event.path("metrics").properties().forEach(metric -> metrics.put(metric.getKey(), metric.getValue().asDouble()));
        seconds = event.path("seconds").asDouble();
      }
    }
    boolean answers = task == DecoderTask.E2E && part.equals("test");
    if (answers) {
      metrics.putAll(answered(output, List.of(), "adapter"));
    }
    if (part.equals("test")) {
      base(task, output, answers);
    }
    return new DecoderRun(key, metrics, parameters, seconds);
  }

  /** The model before training, once a task. */
  private void base(DecoderTask task, Path run, boolean answers) throws IOException {
    DecoderRun.Key key = new DecoderRun.Key(task.key(), "base", "test", options.recipe(task));
    if (!done.containsKey(key)) {
      Map<String, Double> metrics = task == DecoderTask.DPO ? new LinkedHashMap<>(Map.of("reward_accuracy", 0.0, "reward_margin", 0.0))
          : metrics(command("eval", run.toString(), "--json", "--base"), "base");
      if (answers) {
        metrics.putAll(answered(run, List.of("--base"), "base"));
      }
      DecoderRun base = new DecoderRun(key, metrics, 0, 0);
      base.append(options.results());
      done.put(key, base);
    }
  }

  /** What the model was before training. */
  DecoderRun base(DecoderTask task) {
    DecoderRun.Key key = new DecoderRun.Key(task.key(), "base", "test", options.recipe(task));
    return java.util.Objects.requireNonNull(done.get(key), "measured with the first run");
  }

  private Map<String, Double> answered(Path run, List<String> more, String which) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("eval", run.toString(), "--json", "--generate", "--metrics", "bleu,bleu_e2e,rouge",
        "--max_new_tokens", NEW_TOKENS));
    arguments.addAll(more);
    return metrics(command(arguments.toArray(String[]::new)), which);
  }

  private static Map<String, Double> metrics(String output, String which) throws IOException {
    Map<String, Double> metrics = new LinkedHashMap<>();
    String json = output.lines().filter(line -> line.startsWith("{")).reduce("", (a, b) -> b);
    JSON.readTree(json).path(which).properties().forEach(metric -> metrics.put(metric.getKey(), metric.getValue().asDouble()));
    return metrics;
  }

  /** Runs the command; what it prints. */
  private String command(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(options.command());
    command.addAll(List.of(arguments));
    Path errors = options.work().resolve("errors.txt");
    Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new TrainingException("%s ended with %d: %s".formatted(String.join(" ", command), process.exitValue(), Files.readString(errors)));
      }
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    return output;
  }

  private static String quoted(Path path) {
    return "'" + path.toAbsolutePath().toString().replace("'", "''") + "'";
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
