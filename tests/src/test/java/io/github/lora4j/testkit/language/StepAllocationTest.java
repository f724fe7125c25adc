package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * A step allocates next to nothing, all threads, packing and listeners together, on models whose sizes fill no vectors; each in a
 * JVM of its own, see {@link TrainingAllocation}. One vector kept as an object in a kernel would be some 100 bytes for each row of each layer.
 * The build runs those that share the fewest kernels; {@code -Dallocation.all=true} every task and method.
 */
class StepAllocationTest {

  /** The rows of a step as they are packed, the step's events, and what the JVM does on these threads. */
  private static final long BOUND = 16 << 10;

  @TempDir
  private static Path dir;

  private static Path llama;
  private static Path bert;
  private static Path t5;

  @BeforeAll
  static void files() throws IOException {
    llama = OddModels.llama(dir.resolve("llama"));
    bert = OddModels.bert(dir.resolve("bert"));
    t5 = TinySource.copyTo("tiny-t5", dir.resolve("t5"));
    String[] questions = {"What is the capital of France?", "How many legs has a spider?", "Add two and two.", "Who bakes the bread?"};
    String[] answers = {"Paris.", "Eight.", "Four.", "The baker bakes the bread."};
    List<String> pairs = new ArrayList<>();
    List<String> rows = new ArrayList<>();
    List<String> texts = new ArrayList<>();
    List<String> chats = new ArrayList<>();
    List<String> judged = new ArrayList<>();
    for (int i = 0; i < questions.length; i++) {
      String user = "{\"role\": \"user\", \"content\": \"%s\"}".formatted(questions[i]);
      String good = "{\"role\": \"assistant\", \"content\": \"%s\"}".formatted(answers[i]);
      String bad = "{\"role\": \"assistant\", \"content\": \"%s\"}".formatted(answers[(i + 1) % answers.length]);
      pairs.add("{\"prompt\": [%s], \"chosen\": [%s], \"rejected\": [%s]}".formatted(user, good, bad));
      rows.add("{\"source\": \"%s\", \"target\": \"%s\", \"label\": \"%s\", \"score\": %s}".formatted(questions[i], answers[i],
          i % 2 == 0 ? "even" : "odd", i / 4.0));
      chats.add("{\"messages\": [%s, %s]}".formatted(user, good));
      judged.add("{\"prompt\": [%s], \"completion\": [%s], \"label\": %s}".formatted(user, i % 2 == 0 ? good : bad, i % 2 == 0));
      texts.add("{\"text\": \"%s %s\"}".formatted(questions[i], answers[i]));
    }
    Files.write(dir.resolve("pairs.jsonl"), pairs);
    Files.write(dir.resolve("rows.jsonl"), rows);
    Files.write(dir.resolve("texts.jsonl"), texts);
    Files.write(dir.resolve("chats.jsonl"), chats);
    Files.write(dir.resolve("judged.jsonl"), judged);
  }

  private record Case(String name, Path model, String data, Map<String, Object> settings, Map<String, Object> adapter) {

    Case(String name, Path model, String data, Map<String, Object> settings) {
      this(name, model, data, settings, Map.of("r", 4, "target_modules", "all-linear"));
    }
  }

  private static Stream<Case> cases() {
    return Stream.concat(few(), Boolean.getBoolean("allocation.all") ? rest() : Stream.empty());
  }

  private static Stream<Case> few() {
    return Stream.of(new Case("causal_lm", llama, "texts", Map.of("task", "causal_lm")),
        new Case("nf4", llama, "texts", Map.of("task", "causal_lm", "weights", "nf4")),
        new Case("dpo", llama, "pairs", Map.of("task", "dpo")),
        new Case("seq2seq", t5, "rows", Map.of("task", "seq2seq")),
        new Case("classification", bert, "rows", Map.of("task", "classification", "data.text", "source", "data.label", "label")),
        new Case("embedding", bert, "rows", Map.of("task", "embedding", "data.text", "source", "data.text_pair", "target")));
  }

  private static Stream<Case> rest() {
    return Stream.of(new Case("chat", llama, "chats", Map.of("task", "chat")),
        new Case("full", llama, "chats", Map.of("task", "chat", "method", "full"), Map.of()),
        new Case("adalora", llama, "chats", Map.of("task", "chat", "method", "adalora"),
            Map.of("init_r", 6, "target_r", 4, "target_modules", "all-linear")),
        new Case("dora", llama, "chats", Map.of("task", "chat"), Map.of("r", 4, "target_modules", "all-linear", "use_dora", true)),
        new Case("orpo", llama, "pairs", Map.of("task", "orpo")),
        new Case("simpo", llama, "pairs", Map.of("task", "simpo")),
        new Case("kto", llama, "judged", Map.of("task", "kto")),
        new Case("reward", llama, "pairs", Map.of("task", "reward")),
        new Case("regression", bert, "rows", Map.of("task", "regression", "data.text", "source", "data.label", "score")));
  }

  @TestFactory
  Stream<DynamicTest> aStepAllocatesNextToNothing() {
    return cases().map(of -> DynamicTest.dynamicTest(of.name, () -> {
      RecipeBuilder builder = Recipe.builder(of.model, dir.resolve("out-" + of.name)).set("data.train", dir.resolve(of.data + ".jsonl").toString())
          .set("optimizer.learning_rate", 1e-4).set("optimizer.schedule", "constant").set("batch_size", 2).set("max_steps", 20_000).set("samples", 0)
          .set("log_every", 20).set("threads", 2).adapter(of.adapter);
      of.settings.forEach(builder::set);
      Path recipe = Files.writeString(dir.resolve(of.name + ".yaml"), builder.toYaml());
      Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m", "--add-modules",
          "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
          TrainingAllocation.class.getName(), recipe.toString(), String.valueOf(BOUND)).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), output);
    }));
  }
}
