package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.internal.FileOperations;
import io.github.lora4j.train.JsonlListener;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainListener;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The power goes at any moment of a run, and of a run resumed after it went: what is found is resumed to the same adapter. */
@DisabledOnOs(OS.WINDOWS)
class PowerLossTest {

  private static final int STEPS = 4;

  @TempDir private Path dir;
  private Path model;
  private Path data;

  @BeforeEach
  void write() throws IOException {
    dir = dir.toRealPath();
    model = TinyBert.model(dir.resolve("model"), false);
    data = TinyBert.tsv(dir.resolve("data.tsv"), 10, 1);
  }

  private RecipeBuilder recipe(Path output) {
    return Recipe.builder(model, output).set("data.train", data.toString()).set("data.text", "sentence").set("data.label", "mood")
        .set("batch_size", 4).set("max_steps", STEPS).set("save_every", 1).set("keep_checkpoints", 1).set("log_every", 1).set("threads", 1)
        .adapter(Map.of("r", 2, "target_modules", List.of("query")));
  }

  private void train(Path output, boolean resume, TrainListener... listeners) {
    TrainListener[] all = Arrays.copyOf(listeners, listeners.length + 1);
    all[listeners.length] = new JsonlListener(output.resolve("metrics.jsonl"));
    try (TrainingRun run = TrainingRun.open(recipe(output).build(), resume, all)) {
      run.train();
    }
  }

  private static byte[] adapter(Path output) throws IOException {
    return Files.readAllBytes(output.resolve("adapter").resolve("adapter_model.safetensors"));
  }

  private static List<String> lines(Path output, String event) throws IOException {
    return Files.readAllLines(output.resolve("metrics.jsonl")).stream().filter(line -> line.contains("\"event\":\"" + event + "\""))
        .map(line -> line.replaceFirst(",\"tokens\".*", "")).toList();
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** Records a run; which step had been told to be saved by which moment. */
  private void record(RecordedDisk disk, Path output, boolean resume, Map<Integer, Integer> saved) {
    ScopedValue.where(FileOperations.BOUND, disk).run(() -> train(output, resume, event -> {
      if (event instanceof TrainEvent.Saved step) {
        saved.put(disk.images().size(), step.step());
      }
    }));
  }

  @Test
  void theRunIsResumedToTheSameAdapter() throws IOException {
    Path whole = dir.resolve("whole");
    train(whole, false);
    Path root = Files.createDirectory(dir.resolve("disk"));
    Map<Integer, Integer> saved = new LinkedHashMap<>();
    RecordedDisk disk = new RecordedDisk(root);
    record(disk, root.resolve("run"), false, saved);
    replay(disk, root, whole, saved, 0);
  }

  /** A step that was told to be saved is never lost, and what is found comes to the same end. */
  private void replay(RecordedDisk disk, Path root, Path whole, Map<Integer, Integer> saved, int before) throws IOException {
    int tried = 0;
    for (int i = 0; i < disk.images().size(); i++) {
      if (i > 0 && same(disk.images().get(i).entries(), disk.images().get(i - 1).entries())) {
        continue;
      }
      int moment = i;
      int promised = saved.entrySet().stream().filter(entry -> entry.getKey() <= moment).mapToInt(Map.Entry::getValue).max().orElse(before);
      Path crashed = dir.resolve("crashed");
      disk.images().get(i).writeTo(root, crashed);
      Path output = crashed.resolve("run");
      String what = "moment %d, after %s: %s".formatted(i, disk.images().get(i).after(), disk.images().get(i).entries().keySet());
      boolean there = Files.exists(output);
      assertTrue(there || promised == 0, what);
      Path recipe = output.resolve("recipe.yaml");
      assertTrue(!Files.exists(recipe) || Files.size(recipe) > 0, "an empty recipe: " + what);
      try {
        train(output, there, event -> {
          if (event instanceof TrainEvent.Started started) {
            assertTrue(started.firstStep() >= promised, started.firstStep() + " steps of the " + promised + " that were saved");
          }
        });
      } catch (RuntimeException e) {
        throw new AssertionError(what, e);
      }
      assertArrayEquals(adapter(whole), adapter(output), what);
      assertEquals(lines(whole, "step"), lines(output, "step"), what);
      try (Stream<Path> left = Files.list(output)) {
        assertEquals(List.of(".lock", "adapter", "checkpoint-4", "metrics.jsonl", "recipe.yaml"),
            left.map(path -> path.getFileName().toString()).sorted().toList(), what);
      }
      delete(crashed);
      tried++;
    }
    assertTrue(tried > 50, "crashes tried: " + tried);
  }

  private static boolean same(Map<Path, byte[]> a, Map<Path, byte[]> b) {
    return a.keySet().equals(b.keySet()) && a.keySet().stream().allMatch(path -> Arrays.equals(a.get(path), b.get(path)));
  }

  /** The second crash, during the resume after the first: of a run whose last step is done, and of one in the middle. */
  @Test
  void soIsARunThatWasBeingResumed() throws IOException {
    Path whole = dir.resolve("whole");
    train(whole, false);
    for (int done : new int[] {2, STEPS}) {
      Path root = Files.createDirectory(dir.resolve("disk-" + done));
      Path output = root.resolve("run");
      assertThrows(IllegalStateException.class, () -> train(output, false, event -> {
        if (event instanceof TrainEvent.Saved step && step.step() == done) {
          throw new IllegalStateException("killed");
        }
      }));
      Map<Integer, Integer> saved = new LinkedHashMap<>();
      RecordedDisk disk = new RecordedDisk(root);
      try (Stream<Path> files = Files.walk(root)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          disk.force(file);
        }
      }
      disk.images().clear();
      record(disk, output, true, saved);
      replay(disk, root, whole, saved, done);
    }
  }
}
