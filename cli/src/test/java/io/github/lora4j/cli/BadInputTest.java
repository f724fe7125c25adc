package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong is said on one screen, with a code of its own, and nothing is left behind. */
class BadInputTest {

  @TempDir
  private Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyBert.model(dir.resolve("model"), true);
    run = dir.resolve("run");
  }

  private Cli train(Path data, Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", "--model", model, "--output", run, "--data.train", data, "--data.text", "sentence",
        "--data.label", "mood", "--adapter.target_modules", "query"));
    args.addAll(List.of(more));
    return Cli.run(args.toArray());
  }

  private void fails(int code, Cli result, String... expected) {
    assertEquals(code, result.code(), result.err());
    for (String text : expected) {
      assertTrue(result.err().contains(text), result.err());
    }
    assertTrue(result.err().startsWith("error: ") && !result.err().contains("\tat "), result.err());
    assertTrue(result.err().lines().count() <= 24, result.err());
    assertFalse(Files.exists(run.resolve("adapter")));
  }

  @Test
  void everyProblemOfARecipeAtOnce() throws IOException {
    Path recipe = Files.writeString(dir.resolve("broken.yaml"), """
        model: m
        tsak: classification
        epochs: 0
        batch_size: many
        optimizer:
          learning_rte: 1e-3
          name: adamax
        data: {label: mood}
        """);
    fails(2, Cli.run("train", recipe, "--set", "max_stepz=3"), "7 problems", "unknown setting \"tsak\"; did you mean \"task\"?",
        "did you mean \"optimizer.learning_rate\"?", "did you mean \"max_steps\"?", "batch_size must be a number, got \"many\"",
        "epochs must be positive", "optimizer.name must be adamw, adam, amsgrad, lorafa or sgd", "output is required");
    fails(3, Cli.run("train", Files.writeString(dir.resolve("no.yaml"), "- just\n- a list\n")), "no.yaml is not a YAML map");
    fails(3, Cli.run("train", dir.resolve("missing.yaml")), "missing.yaml does not exist");
    fails(2, Cli.run("train", "--set", "epochs"), "expected KEY=VALUE");
  }

  @Test
  void optionsThatAreNone() {
    fails(2, Cli.run("train", "--optimizer.learning_rat", "1"), "--optimizer.learning_rate", "lora4j train --help");
    fails(2, Cli.run("trian"), "train", "lora4j --help");
    fails(2, Cli.run("eval"), "RUN", "lora4j eval --help");
  }

  @Test
  void settingsOfTheAdapter() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
    fails(2, train(data, "--adapter.rr", 8), "rr", "r");
    fails(2, train(data, "--adapter.target_modules", "qerry"), "qerry");
    fails(2, train(data, "--method", "lora2"), "lora2", "lora");
    assertFalse(Files.exists(run));
  }

  @Test
  void filesOfData() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
    fails(3, train(Files.writeString(dir.resolve("empty.tsv"), "")), "empty.tsv has no rows");
    fails(3, train(Files.writeString(dir.resolve("header.tsv"), "sentence\tmood\n")), "header.tsv has no rows");
    fails(3, train(Files.writeString(dir.resolve("short.tsv"), "sentence\tmood\nfilm\tgood\nplot\n")), "short.tsv, line 3");
    fails(3, train(Files.write(dir.resolve("latin.tsv"), new byte[] {'s', (byte) 0xe9, '\n'})), "latin.tsv is not UTF-8");
    fails(3, train(dir.resolve("none.tsv")), "none.tsv does not exist");
    fails(3, train(data, "--data.label", "moood"), "no column \"moood\"", "sentence, mood");
    fails(2, train(Files.writeString(dir.resolve("data.txt"), "x")), "data.txt: a plain text has no columns");
    fails(2, train(Files.writeString(dir.resolve("one.tsv"), "sentence\tmood\nfilm\tgood\n")), "only the label [good]");
    Path test = Files.writeString(dir.resolve("test.tsv"), "sentence\tmood\nfilm\tugly\n");
    fails(3, train(data, "--data.eval", test), "test.tsv, line 2: label \"ugly\" is not one of [bad, good]");
    fails(3, train(data, "--data.labels", "[bad, better]"), "data.tsv, line", "label \"good\"");
    fails(3, train(data, "--task", "regression"), "is not a number");
    assertFalse(Files.exists(run));
  }

  @Test
  void models() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
    Path config = model.resolve("config.json");
    String good = Files.readString(config);
    Files.writeString(config, good.replace("\"model_type\": \"bert\"", "\"model_type\": \"gorilla\""));
    fails(3, train(data), "config.json", "gorilla", "bert");
    Files.writeString(config, good.replace("\"hidden_size\": 16", "\"hidden_size\": 32"));
    fails(3, train(data), "model.safetensors", "[19, 16]");
    Files.writeString(config, "{");
    fails(3, train(data), "config.json is not valid JSON");
    Files.writeString(config, good);
    Files.delete(model.resolve("vocab.txt"));
    fails(3, train(data), model.toString(), "vocab.txt");
  }

  @Test
  void textsThatAreTooLongAreCountedAndSaid() throws IOException {
    Path data = Files.writeString(dir.resolve("long.tsv"), "sentence\tmood\n" + "very ".repeat(40) + "\tgood\nfilm\tbad\n");
    fails(2, train(data, "--data.max_length", 100), "data.max_length is 100", "24");
    Cli cut = train(data, "--max_steps", 1);
    assertEquals(0, cut.code(), cut.err());
    assertTrue(cut.out().contains("note: 1 of 2 training texts were longer than 24 tokens and were cut (data.max_length)"), cut.out());
  }

  @Test
  void placesThatCannotBeWritten() throws IOException {
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
    Files.writeString(run, "a file");
    fails(4, train(data), run.toString());
    assertEquals("a file", Files.readString(run));
    run = run.resolve("below");
    fails(4, train(data), run.toString());
  }

  @Test
  void runsThatAreNone() throws IOException {
    fails(2, Cli.run("eval", dir), "is not the directory of a run");
    fails(2, Cli.run("predict", model, "--text", "film"), "is not the directory of a run");
    fails(2, Cli.run("merge", "--output", run), "--adapter");
    fails(3, Cli.run("inspect", dir.resolve("nothing")), "does not exist");
    fails(3, Cli.run("inspect", Files.writeString(dir.resolve("x.safetensors"), "oops")), "x.safetensors");
  }

  /** A limit on the size of files stands for a disk that is full. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void aDiskThatIsFull() throws Exception {
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
    Process process = new ProcessBuilder("bash", "-c", "ulimit -f 16 && exec \"$@\"", "bash", java(), "--add-modules", "jdk.incubator.vector",
        "-Xmx256m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
        Main.class.getName(), "train", "--model", model.toString(), "--output", run.toString(), "--data.train", data.toString(), "--data.text",
        "sentence", "--data.label", "mood", "--adapter.target_modules", "query,value", "--adapter.r", "64").redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes());
    assertEquals(4, process.waitFor(), text);
    assertTrue(text.contains("checkpoint-1/state.safetensors: cannot be written: File too large"), text);
    try (Stream<Path> left = Files.list(run)) {
      assertEquals(List.of(".lock", "metrics.jsonl", "recipe.yaml"), left.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void aJvmWithoutTheVectorModule() throws Exception {
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
    Process process = new ProcessBuilder(java(), "-Xmx256m", "-XX:+UseSerialGC",
        "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), Main.class.getName(), "train", "--model",
        model.toString(), "--output", run.toString(), "--data.train", data.toString(), "--data.text", "sentence", "--data.label", "mood",
        "--adapter.target_modules", "query").redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes());
    assertEquals(2, process.waitFor(), text);
    assertTrue(text.startsWith("error: vector kernels need the module jdk.incubator.vector"), text);
    assertTrue(text.contains("--add-modules"), text);
  }

  private static String java() {
    return Path.of(System.getProperty("java.home"), "bin/java").toString();
  }
}
