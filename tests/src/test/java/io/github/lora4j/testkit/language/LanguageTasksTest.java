package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainedModel;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.export.ExportedAdapter;
import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.vector.ConfigException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every task for decoders on a small Llama: it learns, the same bits come of any number of threads and after a stop and another start, and eval
 * measures what training measured.
 */
class LanguageTasksTest {

  @TempDir
  private static Path dir;

  private static Path model;

  @BeforeAll
  static void files() throws IOException {
    model = TinyLlama.copyTo(dir.resolve("model"));
    String[] questions = {"What is the capital of France?", "How many legs has a spider?", "Add two and two.", "Who bakes the bread?", "Weather?",
        "Thank you!"};
    String[] answers = {"Paris.", "Eight.", "Four.", "The baker bakes the bread.", "Sunny, twenty degrees.", "You are welcome."};
    List<String> chats = new ArrayList<>();
    List<String> pairs = new ArrayList<>();
    List<String> judged = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < questions.length; i++) {
      String wrong = answers[(i + 1) % answers.length];
      String user = "{\"role\": \"user\", \"content\": \"%s\"}".formatted(questions[i]);
      String good = "{\"role\": \"assistant\", \"content\": \"%s\"}".formatted(answers[i]);
      String bad = "{\"role\": \"assistant\", \"content\": \"%s\"}".formatted(wrong);
      chats.add("{\"messages\": [%s, %s]}".formatted(user, good));
      pairs.add("{\"prompt\": [%s], \"chosen\": [%s], \"rejected\": [%s]}".formatted(user, good, bad));
      judged.add("{\"prompt\": [%s], \"completion\": [%s], \"label\": %s}".formatted(user, i % 2 == 0 ? good : bad, i % 2 == 0));
      texts.add("{\"text\": \"%s %s\"}".formatted(questions[i], answers[i]));
    }
    Files.write(dir.resolve("chats.jsonl"), chats);
    Files.write(dir.resolve("pairs.jsonl"), pairs);
    Files.write(dir.resolve("judged.jsonl"), judged);
    Files.write(dir.resolve("texts.jsonl"), texts);
  }

  private static RecipeBuilder recipe(String name, String task, String data, Map<String, Object> settings) {
    RecipeBuilder builder = Recipe.builder(model, dir.resolve(name)).set("task", task).set("data.train", dir.resolve(data).toString())
        .set("data.eval", dir.resolve(data).toString()).set("optimizer.learning_rate", 1e-2).set("optimizer.schedule", "constant").set("batch_size",
        3).set("max_steps", 16).set("eval_every", 16).set("threads", 1).set("log_every", 1)
        .adapter(Map.of("r", 4, "lora_alpha", 8, "target_modules", "all-linear"));
    settings.forEach(builder::set);
    return builder;
  }

  /** What a run told. */
  private record Told(List<TrainEvent.Step> steps, Map<String, Double> metrics, Path output) {
    byte[] adapter() throws IOException {
      return Files.readAllBytes(output.resolve("adapter").resolve(PeftFormat.WEIGHTS));
    }
  }

  private static Told train(Recipe recipe, boolean resume) {
    List<TrainEvent.Step> steps = new ArrayList<>();
    try (TrainingRun run = TrainingRun.open(recipe, resume, event -> {
      if (event instanceof TrainEvent.Step step) {
        steps.add(step);
      }
    })) {
      return new Told(steps, run.train().metrics(), recipe.output());
    }
  }

  private static Map<String, String> tasks() {
    Map<String, String> tasks = new LinkedHashMap<>();
    tasks.put("causal_lm", "texts.jsonl");
    tasks.put("chat", "chats.jsonl");
    tasks.put("dpo", "pairs.jsonl");
    tasks.put("orpo", "pairs.jsonl");
    tasks.put("simpo", "pairs.jsonl");
    tasks.put("kto", "judged.jsonl");
    tasks.put("reward", "pairs.jsonl");
    return tasks;
  }

  @TestFactory
  Stream<DynamicTest> everyTaskLearnsWithTheSameBits() {
    return tasks().entrySet().stream().map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> everyTask(entry.getKey(), entry.getValue())));
  }

  /** A JVM of its own. */
  private static Process java(Class<?> main, Object... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m", "--add-modules",
        "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter("--enable-preview"::equals).forEach(command::add);
    command.add(main.getName());
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    return process;
  }

  /** Killed at work, not told to stop: in the steps behind a checkpoint, or while the next one is written. */
  @TestFactory
  Stream<DynamicTest> aKilledRunGoesOnWithTheSameBits() {
    return Stream.of("chat", "dpo").map(task -> DynamicTest.dynamicTest(task, () -> {
      Map<String, Object> often = Map.of("save_every", 2, "threads", 2, "samples", 0);
      Told whole = train(recipe(task + "-whole", task, tasks().get(task), often).build(), false);
      RecipeBuilder builder = recipe(task + "-killed", task, tasks().get(task), often);
      Path file = Files.writeString(dir.resolve(task + "-killed.yaml"), builder.toYaml());
      Process process = java(KilledRun.class, file);
      Path output = dir.resolve(task + "-killed");
      while (process.isAlive() && !Files.exists(output.resolve("checkpoint-6"))) {
        Thread.sleep(1);
      }
      process.destroyForcibly();
      assertNotEquals(0, process.waitFor(), () -> "it was done before it could be killed");
      assertTrue(Files.notExists(output.resolve("adapter")), "not at its end yet");
      Told resumed = train(builder.build(), true);
      assertEquals(Arrays.toString(whole.adapter()), Arrays.toString(resumed.adapter()));
    }));
  }

  /**
   * What a row is measured to does not depend on the rows beside it: the same bits from any number of rows in a pass. KTO and ORPO are left out,
   * whose loss is of a batch: one compares with its mean, the other divides by its tokens.
   */
  @TestFactory
  Stream<DynamicTest> whatIsMeasuredDoesNotDependOnThePacking() {
    return tasks().entrySet().stream().filter(entry -> !List.of("kto", "orpo").contains(entry.getKey()))
        .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> {
      Map<String, Object> still = Map.of("optimizer.learning_rate", 1e-30, "max_steps", 1);
      Map<String, Double> alone = train(recipe(entry.getKey() + "-alone", entry.getKey(), entry.getValue(), with(still, 1)).build(), false).metrics;
      Map<String, Double> together =
          train(recipe(entry.getKey() + "-together", entry.getKey(), entry.getValue(), with(still, 6)).build(), false).metrics;
      assertEquals(alone, together);
    }));
  }

  private static Map<String, Object> with(Map<String, Object> settings, int batch) {
    Map<String, Object> all = new LinkedHashMap<>(settings);
    all.put("batch_size", batch);
    return all;
  }

  private static void everyTask(String task, String data) throws IOException {
    Told told = train(recipe(task, task, data, Map.of()).build(), false);
    double first = told.steps.getFirst().loss();
    assertTrue(told.metrics.get("loss") < first, "%s: %s at first, %s at the end".formatted(task, first, told.metrics));
    List<String> measures = switch (task) {
      case "causal_lm", "chat" -> List.of("perplexity", "token_accuracy");
      case "kto" -> List.of("reward_good", "reward_bad", "reward_margin");
      default -> List.of("reward_accuracy", "reward_margin", "reward_chosen", "reward_rejected");
    };
    assertTrue(told.metrics.keySet().containsAll(measures), told.metrics.toString());
    if (told.metrics.containsKey("reward_margin")) {
      assertTrue(told.metrics.get("reward_margin") > 0, told.metrics.toString());
    }
    for (int threads = 2; threads <= 3; threads++) {
      Told other = train(recipe(task + "-threads-" + threads, task, data, Map.of("threads", threads)).build(), false);
      assertEquals(Arrays.toString(told.adapter()), Arrays.toString(other.adapter()), "other threads, other bits");
    }
    Recipe stopped = recipe(task + "-stopped", task, data, Map.of()).build();
    TrainingRun[] running = {null};
    try (TrainingRun run = TrainingRun.open(stopped, false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() == 5) {
        running[0].stop();
      }
    })) {
      running[0] = run;
      assertThrows(CancellationException.class, run::train);
    }
    Told resumed = train(stopped, true);
    assertEquals(Arrays.toString(told.adapter()), Arrays.toString(resumed.adapter()), "stopped and resumed, other bits");
    try (TrainedModel loaded = TrainedModel.open(told.output, false, "cpu", 1)) {
      Map<String, Double> again = loaded.evaluate(dir.resolve(data));
      told.metrics.forEach((name, value) -> assertEquals(value, again.get(name), 1e-4 * Math.max(1, Math.abs(value)), name));
    }
  }

  @TestFactory
  Stream<DynamicTest> tokensBeforeTheTextAreLearnt() {
    return Stream.of("prompt-tuning", "prefix-tuning").map(method -> DynamicTest.dynamicTest(method, () -> {
      Recipe recipe = Recipe.builder(model, dir.resolve(method)).set("task", "chat").set("method", method).adapter(Map.of("num_virtual_tokens", 4))
          .set("data.train", dir.resolve("chats.jsonl").toString()).set("data.eval", dir.resolve("chats.jsonl").toString()).set("batch_size", 3)
          .set("optimizer.learning_rate", 0.1).set("max_steps", 16).set("log_every", 1).set("samples", 0).build();
      Told told = train(recipe, false);
      assertTrue(told.metrics.get("loss") < told.steps.getFirst().loss() - 0.1, told.metrics.toString());
    }));
  }

  /** A pass of few tokens holds one conversation after another; the loss of the step is still divided by the labels of all. */
  @Test
  void conversationsPackedOtherwiseHaveTheSameGradients() {
    Told whole = train(recipe("packed", "chat", "chats.jsonl", Map.of("max_steps", 2)).build(), false);
    Told parted = train(recipe("parted", "chat", "chats.jsonl", Map.of("max_steps", 2, "max_tokens", 48)).build(), false);
    for (int i = 0; i < 2; i++) {
      assertEquals(whole.steps.get(i).loss(), parted.steps.get(i).loss(), 1e-6);
      assertEquals(whole.steps.get(i).gradientNorm(), parted.steps.get(i).gradientNorm(), 1e-6);
    }
  }

  /** The reference in each step, and computed once before: the same losses; kept beside the run, where a resumed one finds it. */
  @TestFactory
  Stream<DynamicTest> aReferenceComputedBeforeIsTheSame() {
    return Stream.of("dpo", "kto").map(task -> DynamicTest.dynamicTest(task, () -> {
      String data = task.equals("dpo") ? "pairs.jsonl" : "judged.jsonl";
      Told step = train(recipe(task + "-step", task, data, Map.of("max_steps", 4)).build(), false);
      Told before = train(recipe(task + "-before", task, data, Map.of("max_steps", 4, "reference", "before")).build(), false);
      assertTrue(Files.isRegularFile(before.output.resolve("reference.bin")));
      for (int i = 0; i < 4; i++) {
        assertEquals(step.steps.get(i).loss(), before.steps.get(i).loss(), 1e-5, "step " + i);
      }
      assertEquals(step.metrics.get("loss"), before.metrics.get("loss"), 1e-5);
    }));
  }

  @Test
  void whatTrainsTheModelItselfHasNoReferenceInTheSameProgram() {
    String message = assertThrows(ConfigException.class, () -> train(Recipe.builder(model, dir.resolve("full")).set("task", "dpo").set("method",
        "full").set("data.train", dir.resolve("pairs.jsonl").toString()).set("max_steps", 1).build(), false)).getMessage();
    assertTrue(message.contains("reference: before"), message);
    Told full = train(Recipe.builder(model, dir.resolve("full")).set("task", "dpo").set("method", "full").set("reference", "before")
        .set("data.train", dir.resolve("pairs.jsonl").toString()).set("max_steps", 1).set("batch_size", 3).build(), false);
    assertEquals(Math.log(2), full.steps.getFirst().loss(), 1e-6, "at first the model is its own reference");
  }

  @Test
  void anAdapterGoesWithTheTemplateItWasTrainedWith() throws IOException {
    Path own = TinyLlama.copyTo(dir.resolve("own"));
    Recipe recipe = recipe("template", "chat", "chats.jsonl", Map.of("model", own.toString(), "max_steps", 1)).build();
    train(recipe, false);
    assertTrue(Files.readString(recipe.output().resolve("adapter/task.json")).contains("\"template_hash\" : \""));
    Files.writeString(own.resolve("chat_template.jinja"), Files.readString(own.resolve("chat_template.jinja")).replace("<|im_start|>", "<|begin|>"));
    String message = assertThrows(ConfigException.class, () -> TrainedModel.open(recipe.output(), false, "cpu", 1)).getMessage();
    assertTrue(message.contains("the chat template has changed"), message);
  }

  /** A recipe's own template lies beside the adapter, and takes the place of the base's wherever both become one. */
  @Test
  void aTemplateOfTheRecipesOwnGoesAlong() throws IOException {
    Path base = TinyLlama.copyTo(dir.resolve("with-template"));
    String text = Files.readString(base.resolve("chat_template.jinja")).replace("<|im_start|>", "<|begin|>");
    Path file = Files.writeString(dir.resolve("own.jinja"), text);
    Recipe recipe = recipe("own-template", "chat", "chats.jsonl", Map.of("model", base.toString(), "max_steps", 1, "chat_template",
        file.toString())).build();
    train(recipe, false);
    Path adapter = recipe.output().resolve("adapter");
    assertEquals(text, Files.readString(adapter.resolve("chat_template.jinja")));
    MergedModel.ofRun(recipe.output(), false, dir.resolve("own-merged"));
    assertEquals(text, Files.readString(dir.resolve("own-merged/chat_template.jinja")));
    Files.delete(file);
    MergedModel.ofAdapter(base, adapter, false, dir.resolve("alone-merged"));
    assertEquals(text, Files.readString(dir.resolve("alone-merged/chat_template.jinja")));
    ExportedAdapter.ofAdapter(base, adapter, dir.resolve("own-lora"));
    assertEquals(text, Files.readString(dir.resolve("own-lora/chat_template.jinja")));
    // An adapter of an older version has no such file, and its template is gone.
    Files.delete(adapter.resolve("chat_template.jinja"));
    MergedForm.Safetensors form = new MergedForm.Safetensors(Optional.empty(), MergedForm.SHARD_BYTES, false);
    List<String> notes = MergedModel.ofAdapter(base, adapter, form, dir.resolve("old-merged"));
    assertTrue(notes.size() == 1 && notes.getFirst().contains("was trained with the chat template " + file), notes::toString);
    Files.writeString(file, text);
    assertEquals(List.of(), MergedModel.ofAdapter(base, adapter, form, dir.resolve("found-merged")));
    assertEquals(text, Files.readString(dir.resolve("found-merged/chat_template.jinja")));
  }

  @Test
  void longRowsAreCutLeftOutOrSplit() throws IOException {
    Map<String, Double> losses = new LinkedHashMap<>();
    for (String how : List.of("truncate", "drop", "split")) {
      List<String> notes = new ArrayList<>();
      Recipe recipe = recipe("long-" + how, "causal_lm", "texts.jsonl", Map.of("long_rows", how, "data.max_length", 20, "max_steps", 1)).build();
      try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
        if (event instanceof TrainEvent.Note note) {
          notes.add(note.text());
        }
      })) {
        losses.put(how, run.train().metrics().get("loss"));
      }
      String said = String.join("\n", notes);
      assertTrue(said.contains("texts.jsonl: text, 6 rows"), said);
      assertTrue(said.contains(switch (how) {
        case "drop" -> "training rows were left out";
        case "split" -> "were split";
        default -> "were longer than 20 tokens and were cut";
      }), said);
    }
    assertEquals(3, losses.values().stream().distinct().count());
    assertNotEquals(losses.get("drop"), losses.get("split"));
  }
}
