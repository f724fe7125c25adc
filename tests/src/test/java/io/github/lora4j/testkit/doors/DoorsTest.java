package io.github.lora4j.testkit.doors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.cli.InProcess;
import io.github.lora4j.lora.files.PeftFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What nobody but its own file knows works together, through the command: the toy family under the toy task, whose loss and op are toys too, with
 * weights in the toy format, trained by LoRA and by the toy method.
 */
class DoorsTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<String> LORA = Set.of("base_model.model.toy.mix.lora_A.weight", "base_model.model.toy.mix.lora_B.weight",
      "base_model.model.classifier.weight", "base_model.model.classifier.bias");
  private static final Set<String> TOY = Set.of("base_model.model.toy.mix.toy_down", "base_model.model.toy.mix.toy_up",
      "base_model.model.classifier.weight", "base_model.model.classifier.bias");

  @TempDir
  private Path dir;

  @BeforeEach
  void model() throws IOException {
    ToyModel.write(dir);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "toy-bottleneck"})
  void trainsMeasuresPredictsAndComesBack(String method) throws IOException {
    Path run = train(method, "cpu", "toy8", 100);
    List<JsonNode> steps = events(run, "step");
    assertTrue(steps.getLast().path("loss").asDouble() < 0.1 * steps.getFirst().path("loss").asDouble(), steps::toString);

    // What a process that knows the files alone measures is what the training measured at its end.
    JsonNode trained = events(run, "evaluated").getLast().path("metrics");
    JsonNode measured = JSON.readTree(ok("eval", run, "--json"));
    assertEquals(trained.path("loss").asDouble(), measured.findValue("loss").asDouble(), 1e-9);
    assertEquals(0, measured.findValue("ranks_off").asDouble());
    assertTrue(ok("predict", run, "--text", "plot film good").contains("high\t"));
    assertTrue(ok("predict", run, "--text", "film bad").contains("low\t"));

    Path adapter = run.resolve("adapter");
    JsonNode config = JSON.readTree(adapter.resolve(PeftFormat.CONFIG).toFile());
    assertEquals(method.equals("lora") ? "LORA" : "TOY_BOTTLENECK", config.path("peft_type").asText());
    assertEquals("[\"mix\"]", config.path("target_modules").toString(), "the family's default");
    assertEquals("SEQ_CLS", config.path("task_type").asText());
    try (Checkpoint weights = Checkpoint.open(adapter.resolve(PeftFormat.WEIGHTS))) {
      assertEquals(method.equals("lora") ? LORA : TOY, Set.copyOf(weights.names()));
    }
    for (Path path : List.of(run, adapter, dir.resolve("model"))) {
      assertTrue(ok("inspect", path).contains(path.equals(run) ? "toy8" : "mix"), path::toString);
    }
  }

  /** The merged model is one of the family, with its head. */
  @Test
  void isMerged() throws IOException {
    Path run = train("lora", "cpu", "f32", 5);
    Path merged = dir.resolve("merged");
    ok("merge", run, "--output", merged);
    assertEquals("[\"ToyForSequenceClassification\"]", JSON.readTree(merged.resolve("config.json").toFile()).path("architectures").toString());
    String inspected = ok("inspect", merged);
    for (String name : List.of("toy.words.weight", "toy.mix.weight", "toy.mix.bias", "classifier.weight", "classifier.bias")) {
      assertTrue(inspected.contains(name), inspected);
    }
    InProcess refused = InProcess.run("merge", train("toy-bottleneck", "cpu", "f32", 5), "--output", dir.resolve("none"));
    assertNotEquals(0, refused.code());
    assertTrue(refused.output().contains("cannot be merged"), refused.output());
  }

  /** Each runs the recipe to the same losses, in single precision or, as the reference, in double. */
  @ParameterizedTest
  @ValueSource(strings = {"lora", "toy-bottleneck"})
  void runsOnEveryBackend(String method) throws IOException {
    for (String weights : List.of("f32", "toy8")) {
      List<Double> want = losses(train(method, "reference", weights, 4));
      assertEquals(12, want.size());
      same(want, losses(train(method, "cpu", weights, 4)));
      if (weights.equals("f32")) {
        same(want, losses(train(method, "plain", weights, 4)));
      }
    }
    InProcess refused = InProcess.run("train", recipe(method, "plain", "toy8", 4));
    assertNotEquals(0, refused.code());
    assertTrue(refused.output().contains("toy.mix.weight is toy8. Choose one of these, or backend: cpu"), refused.output());
  }

  /** Other numbers than those of the rounded weights, so that a format that was left out would be seen. */
  @Test
  void theFormatIsUsed() throws IOException {
    double exact = losses(train("lora", "cpu", "f32", 1)).getFirst();
    double rounded = losses(train("lora", "cpu", "toy8", 1)).getFirst();
    assertTrue(Math.abs(exact - rounded) > 1e-5 && Math.abs(exact - rounded) < 0.05, exact + " and " + rounded);
  }

  private static void same(List<Double> want, List<Double> got) {
    assertEquals(want.size(), got.size());
    for (int i = 0; i < want.size(); i++) {
      assertEquals(want.get(i), got.get(i), 2e-5 * (1 + want.get(i)), "step " + (i + 1) + " of " + want + " and " + got);
    }
  }

  private Path train(String method, String backend, String weights, int epochs) throws IOException {
    ok("train", recipe(method, backend, weights, epochs));
    return dir.resolve(name(method, backend, weights, epochs));
  }

  private static String name(String method, String backend, String weights, int epochs) {
    return "%s-%s-%s-%d".formatted(method, backend, weights, epochs);
  }

  private Path recipe(String method, String backend, String weights, int epochs) throws IOException {
    String name = name(method, backend, weights, epochs);
    return Files.writeString(dir.resolve(name + ".yaml"), """
        model: %1$s/model
        output: %1$s/%2$s
        task: ordinal
        data: {train: %1$s/train.tsv, eval: %1$s/train.tsv, label: label, labels: [low, middle, high]}
        method: %3$s
        adapter: {modules_to_save: [classifier]}
        optimizer: {learning_rate: 4e-3, schedule: constant}
        batch_size: 8
        epochs: %6$d
        log_every: 1
        threads: 1
        backend: %4$s
        weights: %5$s
        """.formatted(dir, name, method, backend, weights, epochs));
  }

  private static String ok(Object... arguments) {
    InProcess run = InProcess.run(arguments);
    assertEquals(0, run.code(), run.output());
    return run.output();
  }

  private static List<Double> losses(Path run) throws IOException {
    return events(run, "step").stream().map(step -> step.path("loss").asDouble()).toList();
  }

  private static List<JsonNode> events(Path run, String kind) throws IOException {
    List<JsonNode> events = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      JsonNode event = JSON.readTree(line);
      if (event.path("event").asText().equals(kind)) {
        events.add(event);
      }
    }
    return events;
  }
}
