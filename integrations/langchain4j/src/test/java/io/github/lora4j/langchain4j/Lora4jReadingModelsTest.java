package io.github.lora4j.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.classification.ScoredLabel;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.store.embedding.CosineSimilarity;
import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import io.github.lora4j.cli.Cli;
import io.github.lora4j.cli.TinyBert;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that read, as langchain4j's applications see them, say what the command says. */
class Lora4jReadingModelsTest {

  private static final String TEXT = "the plot is very awful";
  private static final String OTHER = "the film is nice";

  @TempDir
  static Path directory;
  static LocalModel local;

  @BeforeAll
  static void train() throws Exception {
    local = Lora4j.model(TinyBert.model(directory.resolve("bert"), true).toString(), Map.of("threads", 1));
    train("vectors", "embedding", Map.of("train", TinyBert.pairs(directory.resolve("pairs.tsv"), 32, 1), "text", "query", "text_pair", "answer"));
    train("moods", "classification", Map.of("train", TinyBert.tsv(directory.resolve("moods.tsv"), 32, 1), "text", "sentence", "label", "mood"));
  }

  private static void train(String name, String task, Map<String, ?> data) {
    Map<String, Object> recipe = new HashMap<>(Map.of("output", directory.resolve(name), "task", task, "data", data, "batch_size", 8, "max_steps", 8,
        "adapter", Map.of("r", 2, "target_modules", List.of("query", "value")), "optimizer", Map.of("learning_rate", 0.05)));
    local.load(name, local.train(recipe).adapter());
  }

  @AfterAll
  static void close() {
    local.close();
  }

  private static JsonNode predicted(String run) throws Exception {
    return new ObjectMapper().readTree(Cli.ok("predict", directory.resolve(run), "--json", "--text", TEXT, "--threads", 1).out());
  }

  @Test
  void vectorsAreThoseOfPredict() throws Exception {
    Lora4jEmbeddingModel model = Lora4jEmbeddingModel.builder().model(local).adapter("vectors").build();
    JsonNode expected = predicted("vectors").path("vector");
    float[] vector = model.embed(TEXT).content().vector();
    assertEquals(expected.size(), vector.length);
    double length = 0;
    for (int i = 0; i < vector.length; i++) {
      assertEquals(expected.get(i).floatValue(), vector[i]);
      length += (double) vector[i] * vector[i];
    }
    assertEquals(1, length, 1e-5);
    assertEquals(16, model.dimension());
    assertEquals("vectors", model.modelName());
    assertEquals(Embedding.from(vector), model.embedAll(List.of(TextSegment.from(OTHER), TextSegment.from(TEXT))).content().get(1));
    assertNotEquals(Embedding.from(vector), Lora4jEmbeddingModel.builder().model(local).build().embed(TEXT).content());
    assertTrue(assertThrows(ConfigException.class, () -> Lora4jEmbeddingModel.builder().model(local).adapter("none").build()).getMessage()
        .contains("there is no adapter 'none'; there are: vectors, moods"));
  }

  @Test
  void scoresAreCosines() {
    Lora4jEmbeddingModel vectors = Lora4jEmbeddingModel.builder().model(local).adapter("vectors").build();
    double cosine = CosineSimilarity.between(vectors.embed(TEXT).content(), vectors.embed(OTHER).content());
    List<Double> scores = Lora4jScoringModel.of(local, "vectors").scoreAll(List.of(TextSegment.from(TEXT), TextSegment.from(OTHER)), TEXT).content();
    assertEquals(1, scores.getFirst(), 1e-5);
    assertEquals(cosine, scores.get(1), 1e-5);
    assertEquals(scores.get(1), Lora4jScoringModel.of(local, "vectors").score(OTHER, TEXT).content());
  }

  @Test
  void classesAreThoseOfPredict() throws Exception {
    JsonNode expected = predicted("moods");
    Lora4jTextClassifier classifier = Lora4jTextClassifier.of(local, "moods");
    List<ScoredLabel<String>> labels = classifier.classifyWithScores(TEXT).scoredLabels();
    String label = expected.path("label").textValue();
    assertEquals(List.of(new ScoredLabel<>(label, expected.path("probabilities").path(label).doubleValue())), labels);
    assertEquals(List.of(label), classifier.classify(TEXT));
    assertTrue(assertThrows(ConfigException.class, () -> Lora4jTextClassifier.of(local, "vectors").classify(TEXT)).getMessage()
        .contains("gives vectors"));
  }
}
