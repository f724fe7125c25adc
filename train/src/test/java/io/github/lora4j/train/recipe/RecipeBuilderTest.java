package io.github.lora4j.train.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.models.WeightStorage;
import io.github.lora4j.train.tasks.Embedding;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings from code, text and files become one record, and everything wrong with them one error. */
class RecipeBuilderTest {

  @TempDir
  Path temp;

  private static RecipeBuilder good() {
    return Recipe.builder(Path.of("model"), Path.of("out")).set("data.train", "train.tsv").set("data.label", "label");
  }

  /** Keys of other tasks are not this recipe's. */
  private static boolean ofTheDefaultTask(String name) {
    return RecipeKeys.tasks().values().stream().noneMatch(task -> TaskKeys.values(task).containsKey(name));
  }

  private static String problems(RecipeBuilder builder) {
    return assertThrows(ConfigException.class, builder::build).getMessage();
  }

  private static void has(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), "no \"%s\" in: %s".formatted(part, message));
    }
  }

  /** get_cosine_with_min_lr_schedule_with_warmup(min_lr=1e-4) and get_wsd_schedule(num_decay_steps=4) at their last steps, by hand. */
  @Test
  void schedulesThatNeedMoreHaveKeys() {
    Recipe floor = good().set("optimizer.schedule", "cosine_with_min_lr").set("optimizer.learning_rate", 1e-3).set("optimizer.min_lr", 1e-4).build();
    assertEquals(new Schedule.Decay(1e-4, 0, 0), floor.training().optimizer().schedule().decay());
    assertEquals(floor.training(), floor.toBuilder().build().training());
    assertEquals(0.1, schedule(floor).factor(10), 1e-12);
    assertEquals(0.55, schedule(floor).factor(5), 1e-12);
    Recipe share = good().set("optimizer.schedule", "cosine_with_min_lr").set("optimizer.min_lr_rate", 0.2).build();
    assertEquals(0.2, schedule(share).factor(10), 1e-12);
    Recipe stable = good().set("optimizer.schedule", "warmup_stable_decay").set("optimizer.num_decay_steps", 4).build();
    assertEquals(stable.training(), stable.toBuilder().build().training());
    assertEquals(1, schedule(stable).factor(6), 0);
    assertEquals(0.5, schedule(stable).factor(8), 1e-12);
    assertEquals(0, schedule(stable).factor(10), 0);
    has(problems(good().set("optimizer.min_lr", -1)), "optimizer.min_lr");
    has(assertThrows(ConfigException.class, () -> schedule(good().set("optimizer.min_lr", 1e-5).build())).getMessage(),
        "linear has no optimizer.min_lr");
  }

  private static Schedule schedule(Recipe recipe) {
    Recipe.Optimizer o = recipe.training().optimizer();
    return Schedule.of(o.schedule().kind(), 0, 10, o.learningRate(), o.schedule().decay());
  }

  @Test
  void defaults() {
    Recipe recipe = good().build();
    assertEquals("classification", recipe.task().name());
    assertEquals("lora", recipe.adapter().method());
    assertEquals(new Recipe.Optimizer("adamw", 2e-4, 0, new Recipe.Moments(0.9, 0.999, 1e-8), 1, new Recipe.Warmup(Schedule.Kind.LINEAR, 0, 0,
        Schedule.Decay.NONE)),
        recipe.training().optimizer());
    assertEquals(32, recipe.training().batchSize());
    assertEquals(42, recipe.training().seed());
    assertEquals("text", recipe.data().columns().text());
    assertEquals(Optional.empty(), recipe.data().eval());
    assertEquals(List.of(), recipe.data().labels());
    assertEquals(WeightStorage.STORED, recipe.computing().weightType());
  }

  @Test
  void everyDefaultIsItsOwnText() {
    RecipeBuilder builder = good();
    RecipeBuilder.settings().forEach((name, value) -> {
      if (!(value instanceof String s && s.isEmpty()) && !name.equals("data.labels") && ofTheDefaultTask(name)) {
        builder.set(name, value.toString());
      }
    });
    assertEquals(good().build(), builder.build());
  }

  @Test
  void everyProblemAtOnce() {
    String message = problems(new RecipeBuilder().set("task", "sorting").set("batch_size", 0).set("epochs", "many").set("seed", 1.5)
        .set("optimizer.learning_rate", -1).set("optimizer.beta2", 1).set("weights", "f8").set("batchsize", 8));
    has(message, "10 problems", "task must be one of [", "classification, multi_label, regression, embedding, token_classification",
        "got \"sorting\"", "batch_size must be at least 1, got 0", "epochs must be a number, got \"many\"", "seed must be a whole number",
        "learning_rate must be positive, got -1.0", "beta2 must be in [0, 1)", "weights must be one of bf16, f16, f32, fp4,",
        "unknown setting \"batchsize\"; did you mean \"batch_size\"?", "model is required", "output is required");
  }

  @ParameterizedTest
  @CsvSource({"learning_rate,optimizer.learning_rate", "optimizer.lr_schedule,optimizer.schedule", "data.labels_,data.labels", "epoch,epochs",
      "optimiser.name,optimizer.name", "gradient_acumulation,gradient_accumulation", "data.textpair,data.text_pair", "sede,seed"})
  void unknownNamesSuggestTheNearest(String given, String nearest) {
    has(problems(good().set(given, 1)), "unknown setting \"%s\"; did you mean \"%s\"?".formatted(given, nearest));
  }

  @ParameterizedTest
  @CsvSource({"5e-4,0.0005", "5.0e-4,0.0005", "1e-05,0.00001", ".5,0.5", "2,2", "1E+1,10"})
  void numbersAsPeopleWriteThem(String text, double value) throws IOException {
    assertEquals(value, good().set("optimizer.learning_rate", text).build().training().optimizer().learningRate());
    Path yaml = Files.writeString(temp.resolve("r.yaml"), "optimizer: {learning_rate: %s}\n".formatted(text));
    assertEquals(value, good().read(yaml).build().training().optimizer().learningRate());
  }

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "-1", "1e999", "true", "[1]", "one"})
  void whatIsNoLearningRate(String text) {
    for (String name : List.of("learning_rate", "weight_decay", "eps", "max_grad_norm")) {
      has(problems(good().set("optimizer." + name, text)), "optimizer." + name + " must be ");
    }
    has(problems(good().set("epochs", text)), "epochs must be ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"2147483648", "-2147483649", "1.5", "NaN", "1e30", "ten"})
  void whatIsNoWholeNumber(String text) {
    has(problems(good().set("max_steps", text)), "max_steps must be a ");
  }

  @Test
  void wholeNumbersMayLookLikeFractions() {
    assertEquals(1000, good().set("max_steps", "1e3").build().training().maxSteps());
    assertEquals(7, good().set("batch_size", 7.0).build().training().batchSize());
    assertEquals(Long.MAX_VALUE, good().set("seed", Long.MAX_VALUE).build().training().seed());
    assertEquals(-7_000_000_000L, good().set("seed", "-7000000000").build().training().seed());
  }

  @Test
  void tasksNeedTheirColumns() {
    RecipeBuilder bare = Recipe.builder(Path.of("m"), Path.of("o")).set("data.train", "t.csv");
    has(problems(bare), "task classification needs data.label");
    has(problems(bare.set("task", "embedding")), "task embedding needs data.text_pair");
    assertEquals(new Embedding(), bare.set("data.text_pair", "other").build().task());
  }

  @Test
  void labelsFromTextAndLists() {
    assertEquals(List.of("no", "yes"), good().set("data.labels", "no, yes").build().data().labels());
    assertEquals(List.of("0", "1"), good().set("data.labels", "[0, 1]").build().data().labels());
    assertEquals(List.of("b", "a"), good().set("data.labels", List.of("b", "a")).build().data().labels());
    has(problems(good().set("data.labels", List.of("a", "b", "a"))), "data.labels must differ");
    has(problems(good().set("data.labels", List.of("a"))), "at least two labels");
  }

  @Test
  void adapterSettingsBelongToTheMethod() throws IOException {
    Path yaml = Files.writeString(temp.resolve("r.yaml"), """
        adapter:
          r: 4
          target_modules: [query, value]
          rank_pattern: {"layer.0.query": 2}
          layers_to_transform: null
          lora_dropout: 5e-2
          nonsense: 1
        """);
    assertEquals(Map.of("r", 16, "target_modules", List.of("query", "value"), "rank_pattern", Map.of("layer.0.query", 2), "lora_dropout", 0.05,
        "nonsense", 1),
        good().read(yaml).adapter(Map.of("r", "16")).build().adapter().settings());
  }

  @Test
  void nothingMeansTheDefault() throws IOException {
    Path yaml = Files.writeString(temp.resolve("r.yaml"), "seed:\ndata:\n  eval:\noptimizer: {learning_rate: null}\n");
    assertEquals(good().build(), good().read(yaml).build());
    assertEquals(good().build(), good().set("seed", 3).set("seed", null).build());
  }

  @Test
  void laterSettingsWin() throws IOException {
    Path yaml = Files.writeString(temp.resolve("r.yaml"), "seed: 1\nepochs: 2\noptimizer.beta1: 0.8\n");
    Recipe recipe = good().read(yaml).set("seed", "3").build();
    assertEquals(3, recipe.training().seed());
    assertEquals(2, recipe.training().epochs());
    assertEquals(0.8, recipe.training().optimizer().moments().beta1());
  }

  @Test
  void brokenFiles() throws IOException {
    Path yaml = temp.resolve("r.yaml");
    for (String content : List.of("", "- 1\n", "a: [\n", "just text", "seed: 1\nseed: 2\n", "\0")) {
      Files.writeString(yaml, content);
      has(assertThrows(FormatException.class, () -> new RecipeBuilder().read(yaml), content).getMessage(), yaml.toString());
    }
    Files.writeString(yaml, "optimizer: 5\nseed: {a: 1}\nbatch-size: 3\n");
    has(problems(good().read(yaml)), yaml + ": unknown setting \"optimizer\"", "\"seed.a\"",
        "unknown setting \"batch-size\"; did you mean \"batch_size\"?");
    has(assertThrows(FormatException.class, () -> new RecipeBuilder().read(temp.resolve("none.yaml"))).getMessage(), "does not exist");
    for (String value : List.of("[1", ".inf", "{")) {
      has(assertThrows(ConfigException.class, () -> new RecipeBuilder().set("seed", value)).getMessage(), "seed: \"" + value + "\" is not a value");
    }
  }

  @Test
  void yamlReadsBackAsWritten() throws IOException {
    List<String> labels = List.of("yes", "no", "null", "~", "true", "1", "1.0", "1e3", "0x10", "1_000", ".5", "-", "", " a ", "a: b", "#x", "'", "\"",
        "é", "a\nb", "[x]", "{", "@", "%", "!t", "&a", "*a", "2026-01-01", "0o7", "012", "NaN", ".inf", "a, b");
    Recipe recipe = good().set("data.labels", labels).set("data.text", "1").set("data.label", "no").set("data.eval", "dir: x/#1.tsv")
        .set("epochs", 0.1).set("optimizer.learning_rate", 1e-5).set("seed", Long.MIN_VALUE + 1).set("optimizer.schedule", "cosine")
        .adapter(Map.of("r", 4, "lora_alpha", 0.1, "target_modules", ".*\\.(query|value)", "init_lora_weights", true, "use_rslora", false,
            "rank_pattern", Map.of("a.b", 2), "exclude_modules", List.of("1", "null"))).build();
    Path yaml = Files.writeString(temp.resolve("r.yaml"), recipe.toBuilder().toYaml());
    Recipe again = new RecipeBuilder().read(yaml).build();
    assertEquals(labels, again.data().labels());
    assertEquals(recipe.model().toAbsolutePath(), again.model());
    assertEquals(recipe.data().eval().map(Path::toAbsolutePath), again.data().eval());
    assertEquals(recipe.data().columns(), again.data().columns());
    assertEquals(new TreeMap<>(recipe.adapter().settings()), new TreeMap<>(again.adapter().settings()));
    assertEquals(again, new RecipeBuilder().read(Files.writeString(yaml, again.toBuilder().toYaml())).build());
    assertEquals(recipe.training().optimizer(), again.training().optimizer());
    assertEquals(recipe.training().seed(), again.training().seed());
    assertEquals(recipe.training().epochs(), again.training().epochs());
  }

  @Test
  void theYamlNamesEverySetting() {
    String yaml = good().toYaml();
    RecipeBuilder.settings().keySet().stream().filter(RecipeBuilderTest::ofTheDefaultTask).forEach(name -> has(yaml,
        name.substring(name.lastIndexOf('.') + 1) + ":"));
    assertFalse(yaml.startsWith("---"));
  }
}
