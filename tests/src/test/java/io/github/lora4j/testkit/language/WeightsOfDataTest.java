package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights of rows and messages: the loss is Σ w·ℓ / Σ w, so a row of weight 2 beside one of ½ is the row four times beside the other once. */
class WeightsOfDataTest {

  private static final String A = "{\"role\": \"user\", \"content\": \"What is the capital of France?\"}, {\"role\": \"assistant\", \"content\": "
      + "\"Paris.\"%s}";
  private static final String B = "{\"role\": \"user\", \"content\": \"Who bakes?\"}, {\"role\": \"assistant\", \"content\": \"The baker bakes "
      + "the bread.\"%s}";

  @TempDir
  private static Path dir;

  private static Path model;

  @BeforeAll
  static void model() {
    model = TinyLlama.copyTo(dir.resolve("model"));
  }

  private record Told(double loss, double gradient, double evaluated, byte[] adapter) {}

  private static Told train(String name, String task, List<String> rows, Map<String, Object> settings) throws IOException {
    Path data = Files.write(dir.resolve(name + (rows.getFirst().startsWith("{") ? ".jsonl" : ".csv")), rows);
    var builder = Recipe.builder(model, dir.resolve("run-" + name)).set("task", task).set("data.train", data.toString()).set("data.eval",
        data.toString())
        .set("optimizer.learning_rate", 1e-2).set("batch_size", rows.size()).set("max_steps", 1).set("threads", 1).set("log_every", 1)
        .adapter(Map.of("r", 4, "target_modules", "all-linear"));
    settings.forEach(builder::set);
    Recipe recipe = builder.build();
    List<TrainEvent.Step> steps = new ArrayList<>();
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Step step) {
        steps.add(step);
      }
    })) {
      double evaluated = run.train().metrics().get("loss");
      return new Told(steps.getFirst().loss(), steps.getFirst().gradientNorm(), evaluated,
          Files.readAllBytes(recipe.output().resolve("adapter").resolve(PeftFormat.WEIGHTS)));
    }
  }

  private static String chat(String turn, String weight) {
    return "{\"messages\": [" + turn.formatted(weight) + "]}";
  }

  private static String rowWeight(String turn, String weight) {
    return "{\"messages\": [" + turn.formatted("") + "], \"weight\": " + weight + "}";
  }

  private static void same(Told expected, Told got) {
    assertEquals(expected.loss, got.loss, 1e-6);
    assertEquals(expected.gradient, got.gradient, 1e-5 * expected.gradient);
  }

  @Test
  void aWeightIsWorthAsManyRows() throws IOException {
    List<String> repeated = new ArrayList<>(Collections.nCopies(4, chat(A, "")));
    repeated.add(chat(B, ""));
    Told four = train("four", "chat", repeated, Map.of());
    same(four, train("rows", "chat", List.of(rowWeight(A, "2"), rowWeight(B, "0.5")), Map.of()));
    same(four, train("messages", "chat", List.of(chat(A, ", \"weight\": 2.0"), chat(B, ", \"weight\": 0.5")), Map.of()));
    same(four, train("both", "chat", List.of("{\"messages\": [" + A.formatted(", \"weight\": 8") + "], \"weight\": 0.25}",
        chat(B, ", \"weight\": 0.5")),
        Map.of()));
    // In passes of their own: the sums are over the step.
    same(four, train("parted", "chat", List.of(rowWeight(A, "2"), rowWeight(B, "0.5")), Map.of("max_tokens", 64)));
    assertNotEquals(four.loss, train("even", "chat", List.of(chat(A, ""), chat(B, "")), Map.of()).loss, 1e-4);
  }

  /** The weighted mean of what each row's tokens lose alone, in double precision; eval measures the same. */
  @Test
  void theLossIsTheWeightedMean() throws IOException {
    Told a = train("a", "causal_lm", List.of("{\"text\": \"The baker bakes the bread.\"}"), Map.of("optimizer.learning_rate", 1e-12));
    Told b = train("b", "causal_lm", List.of("{\"text\": \"Paris is the capital of France, and has a river.\"}"),
        Map.of("optimizer.learning_rate", 1e-12));
    Told even = train("even-texts", "causal_lm", List.of("{\"text\": \"The baker bakes the bread.\"}",
        "{\"text\": \"Paris is the capital of France, and has a river.\"}"), Map.of("optimizer.learning_rate", 1e-12));
    // even = (nA·a + nB·b) / (nA + nB) says how the tokens are shared out: sA = nA / (nA + nB).
    double share = (even.loss - b.loss) / (a.loss - b.loss);
    Told weighted = train("weighted", "causal_lm", List.of("text,weight", "The baker bakes the bread.,0.3",
        "\"Paris is the capital of France, and has a river.\",0.7"), Map.of("optimizer.learning_rate", 1e-12, "batch_size", 2));
    double expected = (0.3 * share * a.loss + 0.7 * (1 - share) * b.loss) / (0.3 * share + 0.7 * (1 - share));
    assertEquals(expected, weighted.loss, 1e-5);
    assertEquals(expected, weighted.evaluated, 1e-5);
    assertNotEquals(even.loss, weighted.loss, 1e-4);
  }

  @Test
  void oneIsNothingAndZeroIsNotThere() throws IOException {
    Told plain = train("plain", "chat", List.of(chat(A, ""), chat(B, "")), Map.of());
    assertArrayEquals(plain.adapter, train("ones", "chat", List.of(rowWeight(A, "1"), chat(B, ", \"weight\": true")), Map.of()).adapter);
    same(plain, train("halves", "chat", List.of(rowWeight(A, "0.5"), rowWeight(B, "0.5")), Map.of()));
    Told alone = train("alone", "chat", List.of(chat(A, "")), Map.of());
    assertArrayEquals(alone.adapter, train("zero", "chat", List.of(chat(A, ""), rowWeight(B, "0")), Map.of("batch_size", 1)).adapter);
  }

  @ParameterizedTest
  @CsvSource({"-1", "-0.5", "1e9", "1e-9", "'\"heavy\"'", "'\"NaN\"'", "'\"Infinity\"'", "'[1]'"})
  void otherWeightsAreRefused(String weight) {
    for (String row : List.of(rowWeight(A, weight), chat(A, ", \"weight\": " + weight))) {
      String message = assertThrows(FormatException.class, () -> train("bad", "chat", List.of(chat(B, ""), row), Map.of())).getMessage();
      assertTrue(message.contains("bad.jsonl, line 2") && message.contains("\"weight\" must be 0 (not learnt) or a number from"), message);
    }
  }

  @Test
  void pairsCompareWholeAnswers() {
    String user = "{\"role\": \"user\", \"content\": \"Who bakes?\"}";
    String good = "{\"role\": \"assistant\", \"content\": \"A baker.\", \"weight\": 0.5}";
    String bad = "{\"role\": \"assistant\", \"content\": \"No.\"}";
    String row = "{\"chosen\": [%s, %s], \"rejected\": [%s, %s]}".formatted(user, good, user, bad);
    String message = assertThrows(FormatException.class, () -> train("pairs", "dpo", List.of(row), Map.of())).getMessage();
    assertTrue(message.contains("pairs.jsonl, line 1: messages of preferences can have a weight of 0 or 1 only"), message);
  }
}
