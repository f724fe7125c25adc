package io.github.lora4j.testkit.doors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.cli.Main;
import io.github.lora4j.testkit.TinyBert;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A task that nothing but its own file knows, from a recipe through the command. */
class ToyTaskTest {

  @TempDir
  private Path dir;

  /** The command in a process of its own, as a user starts it; its exit code comes first. */
  private String lora4j(Object... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(), "--add-modules",
        "jdk.incubator.vector", "-Xmx256m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
        Main.class.getName()));
    for (Object arg : args) {
      command.add(arg.toString());
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes());
    return process.waitFor() + "\n" + text;
  }

  private void model() throws IOException {
    TinyBert.copyTo(dir.resolve("model"));
    List<String> words = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bad", "fair", "good"));
    IntStream.range(words.size(), 97).forEach(i -> words.add("w" + i));
    Files.write(dir.resolve("model/vocab.txt"), words);
    Files.writeString(dir.resolve("train.tsv"), "text\tlabel\n" + "w20 bad\tlow\nfair w21\tmiddle\nw22 good w23\thigh\n".repeat(8));
  }

  @Test
  void trainsMeasuresAndPredicts() throws Exception {
    model();
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), """
        model: %1$s/model
        output: %1$s/run
        task: ordinal
        rank_gap: 2
        data: {train: %1$s/train.tsv, eval: %1$s/train.tsv, label: label, labels: [low, middle, high]}
        adapter: {r: 4, target_modules: all-linear}
        optimizer: {learning_rate: 3e-2, schedule: constant}
        batch_size: 8
        epochs: 30
        threads: 1
        """.formatted(dir));
    String trained = lora4j("train", recipe);
    assertTrue(trained.startsWith("0\n") && trained.contains("ranks_off 0.0000"), trained);
    String measured = lora4j("eval", dir.resolve("run"), "--json");
    assertTrue(measured.contains("\"ranks_off\":0.0") && measured.contains("\"loss\":"), measured);
    String said = lora4j("predict", dir.resolve("run"), "--text", "w22 good w23");
    assertTrue(said.contains("high\t"), said);
    assertTrue(lora4j("merge", dir.resolve("run"), "--output", dir.resolve("merged")).startsWith("0\n"));
    // Hugging Face has no word for the toy loss.
    assertFalse(Files.readString(dir.resolve("merged/config.json")).contains("problem_type"));
  }

  @Test
  void itsKeyIsKnownEverywhere() throws Exception {
    assertTrue(lora4j("train", "--help").replaceAll("\\s+", " ").contains("--rank_gap=VALUE Distance of neighbouring ranks. (default 1.0)"));
    String message = assertThrows(ConfigException.class, () -> Recipe.builder(dir, dir).set("task", "ordinal").set("rankgap", 2)
        .set("rank_gap", 0).set("data.train", "t.tsv").set("data.label", "l").build()).getMessage();
    assertTrue(message.contains("unknown setting \"rankgap\"; did you mean \"rank_gap\"?"), message);
    assertTrue(message.contains("rank_gap must be above 0"), message);
    assertTrue(message.contains("task ordinal needs data.labels"), message);
    message = assertThrows(ConfigException.class, () -> Recipe.builder(dir, dir).set("rank_gap", 2).set("data.train", "t.tsv")
        .set("data.label", "l").build()).getMessage();
    assertTrue(message.contains("rank_gap is a setting of task ordinal, but the task is classification"), message);
    assertEquals(new ToyTask(3), Recipe.builder(dir, dir).set("task", "ordinal").set("rank_gap", "3").set("data.labels", "a, b").build().task());
  }
}
