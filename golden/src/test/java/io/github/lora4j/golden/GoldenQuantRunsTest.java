package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Runs on what bitsandbytes has quantised: stopped and resumed they have the same bits, they merge into numbers, and blocks are not trained. */
class GoldenQuantRunsTest {

  private static final String FOLDER = "quant/models";

  @TestFactory
  Stream<DynamicTest> runs() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      checks.put(GoldenCases.name(dir), () -> check(dir));
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  private static RecipeBuilder recipe(Path model, Path output) {
    return Recipe.builder(model, output).set("task", "causal_lm").set("data.train", model.resolve("texts.jsonl").toString())
        .set("optimizer.learning_rate", 1e-2).set("batch_size", 2).set("max_steps", 6).set("save_every", 2).set("log_every", 1).set("threads", 1);
  }

  private static void check(Path dir) throws IOException {
    Path temp = Files.createTempDirectory("quantised");
    try {
      Path model = Files.createDirectories(temp.resolve("model"));
      Files.copy(dir.resolve("config.json"), model.resolve("config.json"));
      Files.copy(dir.resolve("model.safetensors"), model.resolve("model.safetensors"));
      // The cases have no tokenizer; any will do.
      Files.write(model.resolve("vocab.txt"), List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "c"));
      Files.writeString(model.resolve("tokenizer_config.json"), "{\"eos_token\": \"[SEP]\"}");
      Files.write(model.resolve("texts.jsonl"), List.of("{\"text\": \"a b c a a\"}", "{\"text\": \"b b c a\"}", "{\"text\": \"c a b c a b\"}"));
      Path whole = temp.resolve("whole");
      Path stopped = temp.resolve("stopped");
      Map<String, Object> adapter = Map.of("r", 3, "target_modules", List.of("q_proj", "down_proj"));
      train(recipe(model, whole).adapter(adapter).build(), false, Integer.MAX_VALUE);
      train(recipe(model, stopped).adapter(adapter).build(), false, 3);
      assertFalse(Files.exists(stopped.resolve("adapter")));
      train(recipe(model, stopped).adapter(adapter).build(), true, Integer.MAX_VALUE);
      assertEquals(-1, Files.mismatch(whole.resolve("adapter/adapter_model.safetensors"), stopped.resolve("adapter/adapter_model.safetensors")));
      merged(model, whole, temp.resolve("merged"));
      ConfigException e = assertThrows(ConfigException.class,
          () -> train(recipe(model, temp.resolve("full")).set("method", "full").build(), false, Integer.MAX_VALUE));
      assertTrue(e.getMessage().contains("is stored as") && e.getMessage().contains("take the model that is not quantised"), e.getMessage());
    } finally {
      Numbers.delete(temp);
    }
  }

  private static void train(Recipe recipe, boolean resume, int until) {
    TrainingRun[] self = new TrainingRun[1];
    try (TrainingRun run = TrainingRun.open(recipe, resume, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == until) {
        self[0].stop();
      }
    })) {
      self[0] = run;
      run.train();
    } catch (java.util.concurrent.CancellationException e) {
      assertTrue(until < Integer.MAX_VALUE, e.toString());
    }
  }

  /** Numbers again, without a word of the quantisation, and the same model where the adapter changes nothing. */
  private static void merged(Path model, Path run, Path output) {
    MergedModel.ofRun(run, false, output);
    assertFalse(ModelDirectory.open(output).config().has("quantization_config"));
    int changed = 0;
    try (Checkpoint base = ModelDirectory.open(model).checkpoint(); Checkpoint merged = Checkpoint.open(output)) {
      assertEquals(base.names(), merged.names());
      for (String name : base.names()) {
        assertEquals(base.info(name), merged.info(name));
        if (name.contains("q_proj") || name.contains("down_proj")) {
          changed += java.util.Arrays.equals(Numbers.floats(base, name), Numbers.floats(merged, name)) ? 0 : 1;
        } else {
          assertArrayEquals(Numbers.floats(base, name), Numbers.floats(merged, name), name);
        }
      }
    }
    assertTrue(changed > 0, "the adapter changes no weight");
  }
}
