package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.JsonlListener;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainListener;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that were cut short, and what may not differ between runs of the same recipe. */
class ResumeTest {

  @TempDir
  private Path dir;
  private Path model;
  private Path data;

  @BeforeEach
  void write() throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    data = TinyBert.tsv(dir.resolve("data.tsv"), 30, 1);
  }

  private RecipeBuilder recipe(String output) {
    return recipe(output, Map.of("r", 2, "target_modules", List.of("query", "value"), "lora_dropout", 0.1));
  }

  private RecipeBuilder recipe(String output, Map<String, Object> adapter) {
    return Recipe.builder(model, dir.resolve(output)).set("data.train", data.toString()).set("data.text", "sentence").set("data.label", "mood")
        .set("batch_size", 4).set("gradient_accumulation", 2).set("epochs", 3).set("save_every", 3).set("log_every", 1)
        .set("optimizer.learning_rate", 1e-2).set("optimizer.warmup_ratio", 0.2).set("optimizer.weight_decay", 0.1).adapter(adapter);
  }

  private byte[] train(Recipe recipe, boolean resume, TrainListener... listeners) throws IOException {
    try (TrainingRun run = TrainingRun.open(recipe, resume, listeners)) {
      run.train();
    }
    return Files.readAllBytes(recipe.output().resolve("adapter/adapter_model.safetensors"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"adamw", "adam", "sgd", "amsgrad", "lorafa"})
  void aRunThatWasKilledAndResumedEqualsOneThatWasNot(String optimizer) throws IOException {
    byte[] whole = train(recipe("whole").set("optimizer.name", optimizer).build(), false, new JsonlListener(dir.resolve("whole.jsonl")));
    Recipe cut = recipe("cut").set("optimizer.name", optimizer).build();
    JsonlListener log = new JsonlListener(dir.resolve("cut.jsonl"));
    assertThrows(IllegalStateException.class, () -> train(cut, false, log, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 8) {
        throw new IllegalStateException("power cut");
      }
    }));
    assertFalse(Files.exists(cut.output().resolve("adapter")));
    assertArrayEquals(whole, train(cut, true, log));
    assertEquals(losses("whole.jsonl"), losses("cut.jsonl"));
  }

  /** The baselines of the LoRA paper, in the same trainer: killed, resumed, evaluated, inspected; only what is linear merges. */
  @ParameterizedTest
  @ValueSource(strings = {"houlsby", "prompt-tuning", "prefix-tuning"})
  void baselinesGoOnExactlyToo(String method) throws IOException {
    Map<String, Object> settings = method.equals("houlsby") ? Map.of("bottleneck_size", 3) : Map.of("num_virtual_tokens", 3);
    byte[] whole = train(recipe("whole", settings).set("method", method).build(), false);
    Recipe cut = recipe("cut", settings).set("method", method).build();
    assertThrows(IllegalStateException.class, () -> train(cut, false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 8) {
        throw new IllegalStateException("power cut");
      }
    }));
    assertArrayEquals(whole, train(cut, true));
    Cli eval = Cli.ok("eval", cut.output(), "--data", data, "--base");
    assertTrue(eval.out().contains("accuracy"), eval.out());
    assertTrue(Cli.ok("inspect", cut.output()).out().contains("parameters in"));
    Cli merge = Cli.run("merge", cut.output(), "--output", dir.resolve("merged"));
    assertEquals(2, merge.code());
    assertTrue(merge.err().contains("cannot be merged"), merge.err());
  }

  /** What A and B start from, and what the base weight becomes by that, is computed anew from the base and must be the same. */
  @ParameterizedTest
  @ValueSource(strings = {"pissa", "pissa_niter_2", "olora", "mica"})
  void startsFromTheBaseWeightAreFoundAgain(String init) throws IOException {
    Map<String, Object> adapter = Map.of("r", 2, "target_modules", List.of("query", "value"), "init_lora_weights", init);
    List<Double> losses = new ArrayList<>();
    TrainListener first = event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 1) {
        losses.add(step.loss());
      }
    };
    byte[] whole = train(recipe("whole", adapter).build(), false, first);
    train(recipe("plain", Map.of("r", 2, "target_modules", List.of("query", "value"))).build(), false, first);
    assertEquals(losses.getLast(), losses.getFirst(), 1e-5, "training starts at the base model");
    Recipe cut = recipe("cut", adapter).build();
    assertThrows(IllegalStateException.class, () -> train(cut, false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 8) {
        throw new IllegalStateException("power cut");
      }
    }));
    assertArrayEquals(whole, train(cut, true));
  }

  /** Cut before, while and after the budget of ranks falls; a step is 8 examples of 30, so 12 steps in all. */
  @ParameterizedTest
  @CsvSource({"authors, 2", "authors, 7", "authors, 10", "peft, 7", "peft, 11"})
  void adaloraGoesOnExactlyWhereverItWasCut(String convention, int cutAt) throws IOException {
    byte[] whole = train(adalora("whole", convention), false);
    assertThrows(IllegalStateException.class, () -> train(adalora("cut", convention), false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == cutAt) {
        throw new IllegalStateException("power cut");
      }
    }));
    List<Integer> budgets = new ArrayList<>();
    assertArrayEquals(whole, train(adalora("cut", convention), true, event -> {
      if (event instanceof TrainEvent.Ranks ranks) {
        budgets.add(ranks.ranks().values().stream().mapToInt(rank -> rank).sum());
      }
    }));
    assertTrue(budgets.getLast() <= 8, "the ranks that are left: " + budgets);
  }

  private Recipe adalora(String output, String convention) {
    return recipe(output, Map.of("init_r", 4, "target_r", 2, "tinit", 2, "tfinal", 3, "deltaT", 2, "convention", convention, "target_modules",
        List.of("query", "value"), "lora_dropout", 0.1)).set("method", "adalora").set("save_every", 1).build();
  }

  /** Step and loss of each step, which must stand in the file once. */
  private List<String> losses(String file) throws IOException {
    return Files.readAllLines(dir.resolve(file)).stream().filter(line -> line.contains("\"event\":\"step\""))
        .map(line -> line.replaceFirst(",\"tokens\".*", "")).toList();
  }

  @Test
  void threadsChangeNoBit() throws IOException {
    byte[] one = train(recipe("one").set("threads", 1).build(), false);
    assertArrayEquals(one, train(recipe("two").set("threads", 2).build(), false));
    assertArrayEquals(one, train(recipe("five").set("threads", 5).build(), false));
  }

  @Test
  void aRunRepeatedFromItsOwnDirectoryIsTheSame() throws IOException {
    byte[] first = train(recipe("first").build(), false);
    Cli.ok("train", dir.resolve("first/recipe.yaml"), "--output", dir.resolve("second"));
    assertArrayEquals(first, Files.readAllBytes(dir.resolve("second/adapter/adapter_model.safetensors")));
  }

  @Test
  void stoppingSavesACheckpointAndTheRunGoesOnFromThere() throws IOException {
    byte[] whole = train(recipe("whole").build(), false);
    Recipe recipe = recipe("stopped").set("save_every", 0).build();
    TrainingRun[] self = new TrainingRun[1];
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 5) {
        self[0].stop();
      }
    })) {
      self[0] = run;
      assertThrows(CancellationException.class, run::train);
    }
    assertTrue(Files.isDirectory(recipe.output().resolve("checkpoint-5")));
    Cli resumed = Cli.ok("train", recipe.output(), "--resume");
    assertTrue(resumed.out().contains("resumed after step 5"), resumed.out());
    assertArrayEquals(whole, Files.readAllBytes(recipe.output().resolve("adapter/adapter_model.safetensors")));
  }

  /** Stopped while it evaluates, at the end of the data and in the middle: at once, with the evaluation made up for when it goes on. */
  @Test
  void stoppingEndsAnEvaluation() throws IOException {
    Path eval = TinyBert.tsv(dir.resolve("eval.tsv"), 60, 2);
    for (int every : new int[] {5, 0}) {
      RecipeBuilder settings = recipe("whole" + every).set("data.eval", eval.toString()).set("eval_every", every).set("epochs", 1);
      byte[] whole = train(settings.build(), false, new JsonlListener(dir.resolve("whole" + every + ".jsonl")));
      Recipe recipe = settings.set("output", dir.resolve("stopped" + every).toString()).build();
      JsonlListener log = new JsonlListener(dir.resolve("stopped" + every + ".jsonl"));
      TrainingRun[] self = new TrainingRun[1];
      int at = 4; // The last step of the epoch.
      List<TrainEvent> after = new ArrayList<>();
      try (TrainingRun run = TrainingRun.open(recipe, false, log, event -> {
        if (self[0] != null && event instanceof TrainEvent.Step step && step.step() == at) {
          self[0].stop();
        } else {
          after.add(event);
        }
      })) {
        self[0] = run;
        assertThrows(CancellationException.class, run::train);
      }
      assertTrue(after.stream().noneMatch(TrainEvent.Evaluated.class::isInstance), after.toString());
      assertTrue(Files.isDirectory(recipe.output().resolve("checkpoint-" + at)));
      assertArrayEquals(whole, train(recipe, true, log));
      assertEquals(evaluations("whole" + every + ".jsonl"), evaluations("stopped" + every + ".jsonl"));
    }
  }

  private List<String> evaluations(String file) throws IOException {
    return Files.readAllLines(dir.resolve(file)).stream().filter(line -> line.contains("\"event\":\"evaluated\""))
        .map(line -> line.replaceFirst(",\"seconds\".*", "")).toList();
  }

  /** The weights, not only their config, are part of a run. */
  @Test
  void otherBaseWeightsAreRefused() throws IOException {
    train(recipe("run").set("keep_checkpoints", 3).build(), false);
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 3] ^= 1;
    Files.write(weights, bytes);
    Cli other = Cli.run("train", dir.resolve("run"), "--resume");
    assertEquals(2, other.code(), other.err());
    assertTrue(other.err().contains("the base model's weights was those with checksum"), other.err());
  }

  @Test
  void nothingIsResumedByMistake() {
    Cli mistyped = Cli.run("train", "--model", model, "--output", dir.resolve("rnu"), "--data.train", data, "--data.text", "sentence", "--data.label",
        "mood", "--adapter.target_modules", "query", "--resume");
    assertEquals(2, mistyped.code(), mistyped.err());
    assertTrue(mistyped.err().contains("is not the directory of a run, so there is nothing to resume"), mistyped.err());
    assertFalse(Files.exists(dir.resolve("rnu")));
  }

  @Test
  void aRunDoesNotOverwriteAnother() throws IOException {
    train(recipe("run").build(), false);
    Cli again = Cli.run("train", dir.resolve("run"));
    assertEquals(2, again.code());
    assertTrue(again.err().contains("holds a run already") && again.err().contains("--resume"), again.err());
    try (TrainingRun holds = TrainingRun.open(recipe("busy").build(), false)) {
      Cli second = Cli.run("train", dir.resolve("busy"), "--resume");
      assertEquals(2, second.code());
      assertTrue(second.err().contains("in use by another run"), second.err());
      assertEquals(dir.resolve("busy").toAbsolutePath(), holds.prepared().directory().path().resolveSibling("busy").toAbsolutePath());
    }
  }

  @Test
  void aCheckpointOfAnotherRunIsNotContinued() throws IOException {
    train(recipe("run").build(), false);
    Cli other = Cli.run("train", dir.resolve("run"), "--resume", "--optimizer.learning_rate", "0.5", "--seed", 7, "--adapter.r", 3);
    assertEquals(2, other.code(), other.err());
    assertTrue(other.err().contains("seed was 42, is now 7"), other.err());
    assertTrue(other.err().contains("start_from: " + dir.resolve("run")), other.err());
  }

  /** Between the two moves that replace a directory the old one lies hidden: whoever wants it finds it, not only a run. */
  @Test
  void anAdapterThatAKillLeftHiddenIsFound() throws IOException {
    train(recipe("run").build(), false);
    Path run = dir.resolve("run");
    String told = Cli.ok("predict", run, "--text", "the film").out();
    Path hidden = run.resolve(".lora4j-0123456789abcdef.tmp");
    for (List<String> command : List.of(List.of("predict", "--text", "the film"), List.of("eval", "--data", data.toString()),
        List.of("merge", "--output", dir.resolve("merged").toString()))) {
      Files.createDirectories(hidden.resolve("old"));
      Files.createFile(hidden.resolve("lock"));
      Files.move(run.resolve("adapter"), hidden.resolve("old/adapter"));
      List<Object> arguments = new ArrayList<>(command);
      arguments.add(1, run);
      Cli said = Cli.ok(arguments.toArray());
      assertTrue(!command.getFirst().equals("predict") || said.out().equals(told), said.out());
      assertFalse(Files.exists(hidden));
    }
  }

  @Test
  void aDirectoryWithoutARecipeIsSaidToBeOne() throws IOException {
    Path half = Files.createDirectories(dir.resolve("half"));
    Files.createFile(half.resolve(".lock"));
    Cli said = Cli.run("train", half, "--resume");
    assertEquals(2, said.code(), said.err());
    assertTrue(said.err().contains(half + " is a directory without recipe.yaml"), said.err());
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void aSignalLeavesACheckpointAndSaysHowToGoOn() throws Exception {
    Path output = dir.resolve("signalled");
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), recipe("signalled").set("epochs", 100_000).set("threads", 1).toYaml());
    Path said = dir.resolve("said.txt");
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(), "--add-modules", "jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED", "-Xmx256m", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"), Main.class.getName(),
        "train", recipe.toString()).redirectErrorStream(true).redirectOutput(said.toFile()).start();
    try {
      while (process.isAlive() && !Files.readString(said).contains("step 2/")) {
        Thread.sleep(50);
      }
    } finally {
      process.destroy();
    }
    assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    String text = Files.readString(said);
    assertTrue(text.contains("stopping, with a checkpoint") && text.endsWith("continue with: lora4j train " + output + " --resume\n"), text);
    try (var files = Files.list(output)) {
      assertTrue(files.anyMatch(file -> file.getFileName().toString().startsWith("checkpoint-")));
    }
    assertFalse(Files.exists(output.resolve("adapter")));
  }
}
