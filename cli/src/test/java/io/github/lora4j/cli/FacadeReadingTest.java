package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.Classification;
import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that reads says to Java what {@code predict} says. */
class FacadeReadingTest {

  private static final String TEXT = "the plot is very awful";

  @TempDir
  static Path directory;
  static LocalModel model;

  @BeforeAll
  static void train() throws Exception {
    model = Lora4j.model(TinyBert.model(directory.resolve("bert"), true).toString(), Map.of("threads", 1));
    train("vectors", "embedding", Map.of("train", TinyBert.pairs(directory.resolve("pairs.tsv"), 32, 1), "text", "query", "text_pair", "answer"));
    train("moods", "classification", Map.of("train", TinyBert.tsv(directory.resolve("moods.tsv"), 32, 1), "text", "sentence", "label", "mood"));
    train("values", "regression", Map.of("train", TinyBert.csv(directory.resolve("values.csv"), 32, 1), "text", "text", "label", "score"));
  }

  private static void train(String name, String task, Map<String, ?> data) {
    Map<String, Object> recipe = new HashMap<>(Map.of("output", directory.resolve(name), "task", task, "data", data, "batch_size", 8, "max_steps", 8,
        "adapter", Map.of("r", 2, "target_modules", List.of("query", "value")), "optimizer", Map.of("learning_rate", 0.05)));
    model.load(name, model.train(recipe).adapter());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static JsonNode predicted(String run) throws Exception {
    return new ObjectMapper().readTree(Cli.ok("predict", directory.resolve(run), "--json", "--text", TEXT, "--threads", 1).out());
  }

  @Test
  void vectorsAreThoseOfPredict() throws Exception {
    JsonNode expected = predicted("vectors").path("vector");
    List<Double> vector = model.with("vectors").embed(TEXT);
    assertEquals(expected.size(), vector.size());
    for (int i = 0; i < vector.size(); i++) {
      assertEquals((float) expected.get(i).doubleValue(), vector.get(i).floatValue());
    }
    assertEquals(1, vector.stream().mapToDouble(x -> x * x).sum(), 1e-5);
    assertNotEquals(model.embed(TEXT), vector);
    List<String> many = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      many.add(i % 2 == 0 ? TEXT : "the film is nice");
    }
    List<List<Double>> vectors = model.with("vectors").embedAll(many);
    assertEquals(150, vectors.size());
    assertEquals(vector, vectors.get(148));
    assertEquals(List.of(), model.embedAll(List.of()));
  }

  @Test
  void scoresAreCosinesOrValues() throws Exception {
    double self = model.with("vectors").score(TEXT, TEXT);
    assertEquals(1, self, 1e-5);
    assertEquals(predicted("values").path("value").floatValue(), ((Number) model.with("values").predict(List.of(TEXT)).getFirst().get("value"))
        .floatValue());
    assertTrue(assertThrows(ConfigException.class, () -> model.with("moods").score(TEXT, TEXT)).getMessage().contains("see classify"));
  }

  @Test
  void classesAreThoseOfPredict() throws Exception {
    JsonNode expected = predicted("moods");
    Classification classification = model.with("moods").classify(TEXT);
    assertEquals(expected.path("label").textValue(), classification.label());
    assertEquals(List.of(classification.label()), classification.labels());
    classification.probabilities().forEach((label, probability) ->
        assertEquals(expected.path("probabilities").path(label).doubleValue(), probability));
    assertEquals(1, classification.probabilities().values().stream().mapToDouble(p -> p).sum(), 1e-6);
  }

  @Test
  void whatIsWrongIsSaid() {
    assertTrue(assertThrows(ConfigException.class, () -> model.with("moods").embed(TEXT)).getMessage().contains("'moods' judges texts"));
    assertTrue(assertThrows(ConfigException.class, () -> model.with("vectors").classify(TEXT)).getMessage().contains("'vectors' gives vectors"));
    assertTrue(assertThrows(ConfigException.class, () -> model.with("values").classify(TEXT)).getMessage().contains("not trained for classes"));
    assertTrue(assertThrows(ConfigException.class, () -> model.generate(TEXT)).getMessage().contains("does not continue them"));
  }

  @Test
  void aRunOfAJudgeIsAModel() {
    try (LocalModel run = Lora4j.model(directory.resolve("moods"))) {
      assertEquals(model.with("moods").classify(TEXT), run.classify(TEXT));
    }
  }
}
