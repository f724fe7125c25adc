package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every verb on every task, from files to files. */
class VerbsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  private Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyBert.model(dir.resolve("model"), true);
    run = dir.resolve("run");
  }

  @Test
  void classificationFromARecipe() throws IOException {
    Path train = TinyBert.tsv(dir.resolve("train.tsv"), 60, 1);
    Path test = TinyBert.tsv(dir.resolve("test.tsv"), 40, 2);
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), """
        model: %s
        output: %s
        data:
          train: %s
          eval: %s
          text: sentence
          label: mood
        adapter:
          r: 4
          lora_alpha: 8
          target_modules: all-linear
        optimizer:
          learning_rate: 1e-3
        epochs: 9
        batch_size: 4
        """.formatted(model, run, train, test));
    Cli trained = Cli.ok("train", recipe, "--optimizer.learning_rate", "3e-2", "--set", "epochs=6", "--log_every", "7", "--threads", "1");
    assertTrue(trained.out().contains("step 7/90  loss "), trained.out());
    assertTrue(trained.out().contains("eval  step 15  epoch 1.00  loss "), trained.out());
    assertTrue(trained.out().contains("done: 90 steps in 0:0"), trained.out());
    assertTrue(trained.out().endsWith("""
        next:
          lora4j eval %1$s
          lora4j predict %1$s --text "..."
          lora4j merge %1$s --output MERGED_MODEL
        """.formatted(run)), trained.out());
    List<String> metrics = Files.readAllLines(run.resolve("metrics.jsonl"));
    assertEquals("started", JSON.readTree(metrics.getFirst()).path("event").asText());
    assertEquals("finished", JSON.readTree(metrics.getLast()).path("event").asText());

    JsonNode eval = JSON.readTree(Cli.ok("eval", run, "--json", "--base").out());
    assertTrue(eval.path("adapter").path("accuracy").asDouble() > 0.8, eval.toString());
    assertTrue(eval.path("adapter").path("loss").asDouble() < eval.path("base").path("loss").asDouble(), eval.toString());
    assertEquals(JSON.readTree(metrics.getLast()).path("metrics").path("loss").asDouble(), eval.path("adapter").path("loss").asDouble());
    String table = Cli.ok("eval", run).out();
    assertTrue(table.matches("(?s).*test.tsv +adapter\\R.*accuracy +[01]\\.\\d{4}\\R.*"), table);

    String answer = Cli.ok("predict", run, "--text", "the film is great", "--text", "the plot is awful").out();
    assertTrue(answer.matches("good\tgood=0\\.\\d{4} bad=0\\.\\d{4}\tthe film is great\\Rbad\tbad=0\\.\\d{4} good=.*awful\\R"), answer);
    JsonNode json = JSON.readTree(Cli.ok("predict", run, "--json", "--text", "the film is great").out());
    assertEquals("good", json.path("label").asText());
    assertEquals(1, json.path("probabilities").path("good").asDouble() + json.path("probabilities").path("bad").asDouble(), 1e-6);
    assertEquals(40, Cli.ok("predict", run, "--file", test).out().lines().count());

    String inspected = Cli.ok("inspect", run).out();
    assertTrue(inspected.contains("- \"bad\"") || inspected.contains("- bad"), inspected);
    assertTrue(inspected.matches("(?s).*encoder.layer.1.attention.self.value +4 +2.000 +128 .*"), inspected);
  }

  @Test
  void anAdapterReadsTheSameAloneOrInItsRun() throws IOException {
    Path train = TinyBert.tsv(dir.resolve("train.tsv"), 20, 1);
    Cli.ok("train", "--model", model, "--output", run, "--data.train", train, "--data.text", "sentence", "--data.label", "mood", "--adapter.r", 2,
        "--adapter.target_modules=query,key", "--adapter.alpha_pattern", "{key: 16}", "--batch_size", 8);
    String adapter = Cli.ok("inspect", run.resolve("adapter")).out();
    assertTrue(Cli.ok("inspect", run).out().endsWith(adapter));
    assertTrue(adapter.contains("attention.self.query  2    4.000  "), adapter);
    assertTrue(adapter.contains("attention.self.key    2    8.000  "), adapter);
    assertTrue(adapter.contains("290 parameters in 10 tensors"), adapter);
    String tensors = Cli.ok("inspect", model).out();
    assertTrue(tensors.contains("embeddings.word_embeddings.weight"), tensors);
    assertTrue(tensors.contains("39 tensors, "), tensors);
  }

  @Test
  void severalLabelsFromJsonLines() throws IOException {
    Path train = TinyBert.jsonl(dir.resolve("train.jsonl"), 60, 1);
    Path test = TinyBert.jsonl(dir.resolve("test.jsonl"), 30, 2);
    Cli.ok("train", "--task", "multi_label", "--model", model, "--output", run, "--data.train", train, "--data.eval", test, "--data.label", "tags",
        "--adapter.target_modules", "query,value", "--optimizer.learning_rate", "2e-2", "--epochs", 4, "--batch_size", 4);
    JsonNode eval = JSON.readTree(Cli.ok("eval", run, "--json", "--base").out());
    assertTrue(eval.at("/adapter/loss").asDouble() < eval.at("/base/loss").asDouble(), eval.toString());
    assertTrue(eval.at("/adapter").has("micro_f1"));
    List<String> json = Cli.ok("predict", run, "--file", test, "--json").out().lines().toList();
    List<String> text = Cli.ok("predict", run, "--file", test).out().lines().toList();
    assertEquals(30, json.size());
    for (int i = 0; i < json.size(); i++) {
      JsonNode row = JSON.readTree(json.get(i));
      Set<String> likely = new TreeSet<>();
      row.path("probabilities").properties().stream().filter(e -> e.getValue().asDouble() > 0.5).forEach(e -> likely.add(e.getKey()));
      Set<String> labels = new TreeSet<>();
      row.path("labels").forEach(label -> labels.add(label.asText()));
      assertEquals(likely, labels);
      assertEquals(String.join(" ", row.path("labels").valueStream().map(JsonNode::asText).toList()), text.get(i).split("\t", -1)[0]);
    }
  }

  @Test
  void numbersFromCsv() throws IOException {
    Path train = TinyBert.csv(dir.resolve("train.csv"), 60, 1);
    Cli.ok("train", "--task", "regression", "--model", model, "--output", run, "--data.train", train, "--data.eval", train, "--data.label", "score",
        "--adapter.target_modules", "query,value", "--optimizer.learning_rate", "2e-2", "--epochs", 4, "--batch_size", 4);
    assertTrue(JSON.readTree(Cli.ok("eval", run, "--json").out()).at("/adapter/pearson").asDouble() > 0.8);
    double good = Double.parseDouble(Cli.ok("predict", run, "--text", "the film is great very great very nice").out().split("\t")[0]);
    double bad = Double.parseDouble(Cli.ok("predict", run, "--text", "the film is awful very bad very bad").out().split("\t")[0]);
    assertTrue(good > bad + 2, good + " " + bad);
  }

  @Test
  void embeddingsFromPairs() throws IOException {
    Path train = TinyBert.pairs(dir.resolve("pairs.tsv"), 40, 1);
    Cli.ok("train", "--task", "embedding", "--model", model, "--output", run, "--data.train", train, "--data.eval", train, "--data.text", "query",
        "--data.text_pair", "answer", "--adapter.target_modules", "query,value", "--optimizer.learning_rate", "2e-2", "--batch_size", 8);
    assertTrue(JSON.readTree(Cli.ok("eval", run, "--json").out()).at("/adapter").has("recall_at_1"));
    JsonNode one = JSON.readTree(Cli.ok("predict", run, "--json", "--text", "the film is great").out());
    assertEquals(16, one.path("vector").size());
    JsonNode same = JSON.readTree(Cli.ok("predict", run, "--json", "--text", "the film", "--text-pair", "the film").out());
    assertEquals(1, same.path("similarity").asDouble(), 1e-5);
    assertEquals(2, Cli.run("predict", run, "--text", "a", "--text", "b", "--text-pair", "c").code());
    assertEquals(16, Cli.ok("predict", run, "--text", "the film").out().split("\t")[0].split(" ").length);
  }

  @Test
  void aDryRunSaysWhatItWouldDoAndWritesNothing() throws IOException {
    Path train = TinyBert.tsv(dir.resolve("train.tsv"), 20, 1);
    String text = Cli.ok("train", "--model", model, "--output", run, "--data.train", train, "--data.text", "sentence", "--data.label", "mood",
        "--adapter.r", 2, "--adapter.target_modules", "value", "--batch_size", 8, "--epochs", 2, "--dry-run").out();
    assertFalse(Files.exists(run));
    assertTrue(text.startsWith("""
        trains                                                     shape  parameters
        bert.encoder.layer.0.attention.self.value.lora_A.weight  [2, 16]          32
        bert.encoder.layer.0.attention.self.value.lora_B.weight  [16, 2]          32
        bert.encoder.layer.1.attention.self.value.lora_A.weight  [2, 16]          32
        bert.encoder.layer.1.attention.self.value.lora_B.weight  [16, 2]          32
        classifier.weight                                        [2, 16]          32
        classifier.bias                                              [2]           2
        162 parameters train"""), text);
    assertTrue(text.contains("frozen weights") && text.contains("activations"), text);
    assertTrue(text.contains("6 steps, 3 in an epoch"), text);
  }

  @Test
  void aPlanSaysWhatSettingsWouldSave() throws IOException {
    Path train = TinyBert.tsv(dir.resolve("train.tsv"), 20, 1);
    Object[] recipe = {"plan", "--model", model, "--output", run, "--data.train", train, "--data.text", "sentence", "--data.label", "mood",
      "--adapter.r", 2, "--adapter.target_modules", "value", "--batch_size", 8, "--max_steps", 2};
    String text = Cli.ok(recipe).out();
    assertFalse(Files.exists(run));
    long together = bytes(text, "together");
    for (String knob : List.of("recompute: layers", "weights: bf16", "batch_size: 4, gradient_accumulation: 2")) {
      assertTrue(bytes(text, knob) < together, knob + text);
    }
    // What is promised is what a run with that setting says of itself.
    List<Object> other = new ArrayList<>(List.of(recipe));
    other.addAll(List.of("--recompute", "layers"));
    String recomputing = Cli.ok(other.toArray()).out();
    assertEquals(bytes(text, "recompute: layers") - bytes(text, "Java itself"), bytes(recomputing, "together") - bytes(recomputing, "Java itself"));
    assertFalse(recomputing.contains("recompute: layers"), recomputing);
  }

  private static long bytes(String text, String row) {
    String line = text.lines().filter(l -> l.startsWith(row + " ")).findFirst().orElseThrow(() -> new AssertionError(row + " is not in " + text));
    return Long.parseLong(line.substring(row.length()).strip().split(" ")[0].replaceAll("\\D", ""));
  }

  @Test
  void textsFromAFileNeedNoLabel() throws IOException {
    Path train = TinyBert.tsv(dir.resolve("train.tsv"), 20, 1);
    Cli.ok("train", "--model", model, "--output", run, "--data.train", train, "--data.text", "sentence", "--data.label", "mood", "--max_steps", 2,
        "--adapter.target_modules", "value");
    Path texts = Files.writeString(dir.resolve("texts.csv"), "sentence\nthe film is good\n");
    assertEquals(1, Cli.ok("predict", run, "--file", texts).out().lines().count());
  }

  @Test
  void doctorKnowsTheMachine() {
    String text = Cli.run("doctor").out();
    for (String expected : List.of("java", "processors", "memory", "vector", "cpu", "GFLOP/s")) {
      assertTrue(text.contains(expected), text);
    }
  }

  @Test
  void aRunFoundAgainAfterItsModelHasMoved() throws IOException {
    Path train = TinyBert.tsv(dir.resolve("train.tsv"), 20, 1);
    Cli.ok("train", "--model", model, "--output", run, "--data.train", train, "--data.text", "sentence", "--data.label", "mood", "--max_steps", 2,
        "--adapter.target_modules", "value");
    Path elsewhere = dir.resolve("elsewhere");
    Files.move(run, dir.resolve("moved"));
    Files.move(model, elsewhere);
    Cli gone = Cli.run("predict", dir.resolve("moved"), "--text", "the film");
    assertEquals(3, gone.code());
    assertTrue(gone.err().contains(model.toString()), gone.err());
    assertArrayEquals(new String[] {"the film"}, new String[] {
        Cli.ok("predict", dir.resolve("moved"), "--model", elsewhere, "--text", "the film").out().strip().split("\t")[2]});
  }
}
