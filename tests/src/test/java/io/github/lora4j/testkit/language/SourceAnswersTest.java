package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.cli.InProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small T5 learns targets by heart through the command: samples before and after, eval, generate with and without its adapter, predict. */
class SourceAnswersTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] SOURCES = {"the name of the place is The Eagle", "a coffee shop", "who is there?", "Speak, speak."};
  private static final String[] TARGETS = {"The Eagle", "coffee", "nobody is there.", "I speak."};

  @TempDir
  private static Path dir;

  private static Path model;
  private static Path run;
  private static Path pairs;

  @BeforeAll
  static void train() throws IOException {
    model = TinySource.copyTo("tiny-t5", dir.resolve("model"));
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < SOURCES.length; i++) {
      rows.append("{\"source\": \"%s\", \"target\": \"%s\"}%n".formatted(SOURCES[i], TARGETS[i]));
    }
    pairs = Files.writeString(dir.resolve("pairs.jsonl"), rows.toString());
    run = dir.resolve("run");
    ok("train", "--model", model, "--output", run, "--task", "seq2seq", "--source_prefix", "say: ", "--data.train", pairs, "--data.eval", pairs,
        "--optimizer.learning_rate", "1e-2", "--optimizer.schedule", "constant", "--batch_size", 4, "--max_steps", 300, "--eval_every", 1000,
        "--adapter.r", 12, "--adapter.lora_alpha", 24, "--adapter.target_modules=all-linear", "--adapter.modules_to_save=lm_head", "--threads", 1);
  }

  private static InProcess ok(Object... arguments) {
    InProcess result = InProcess.run(arguments);
    assertEquals(0, result.code(), result.output());
    return result;
  }

  private static List<JsonNode> sampled() throws IOException {
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream().map(SourceAnswersTest::json)
        .filter(event -> event.path("event").asText().equals("sampled")).toList();
  }

  private static JsonNode json(String line) {
    try {
      return JSON.readTree(line);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void theSameSourcesAreAnsweredBeforeAndAfter() throws IOException {
    List<JsonNode> sampled = sampled();
    assertEquals(List.of(0, 300), sampled.stream().map(event -> event.path("step").asInt()).toList());
    for (int i = 0; i < 3; i++) {
      JsonNode before = sampled.getFirst().path("samples").path(i);
      JsonNode after = sampled.getLast().path("samples").path(i);
      assertEquals(SOURCES[i], after.path("prompt").asText());
      assertEquals(TARGETS[i], after.path("reference").asText());
      assertEquals(TARGETS[i], after.path("answer").asText(), "learnt by heart");
      assertEquals("eos", after.path("ended").asText());
      assertFalse(before.path("answer").asText().contains(TARGETS[i]));
    }
    assertTrue(Files.readString(run.resolve("report.html")).contains("<td>coffee</td><td>coffee</td></tr>"), "after, and as it should be");
  }

  @Test
  void evalGeneratesAndMeasures() throws IOException {
    for (String settings : List.of("num_beams=1", "num_beams=3")) {
      InProcess said = ok("eval", run, "--generate", "--data", pairs, "--max_new_tokens", 16, "--base", "--json", "--threads", 2, "--metrics",
          "bleu,rouge,exact_match", "--set", settings);
      JsonNode result = JSON.readTree(said.output());
      assertEquals(1, result.path("adapter").path("exact_match").asDouble(), said.output());
      assertEquals(1, result.path("adapter").path("rougeL").asDouble(), 1e-12);
      assertEquals(0, result.path("base").path("exact_match").asDouble());
    }
    assertEquals(SOURCES.length, Files.readAllLines(run.resolve("generations.jsonl")).size());
    assertTrue(ok("eval", run, "--data", pairs).output().contains("token_accuracy"), "the loss of the targets");
  }

  @Test
  void generateMakesTextsWithAndWithoutTheAdapter() throws IOException {
    InProcess said = ok("generate", "--model", run, "--prompt", "say: " + SOURCES[1], "--max-new-tokens", 12, "--compare");
    assertTrue(said.output().contains("--- adapter%ncoffee%n".formatted()), said.output());
    assertTrue(said.output().contains("--- base model%n".formatted()), said.output());
    JsonNode beam = JSON.readTree(ok("generate", "--model", run, "--prompt", "say: " + SOURCES[1], "--max-new-tokens", 12, "--num-beams", 3, "--json").output());
    assertEquals("coffee", beam.path("text").asText());
    JsonNode one = JSON.readTree(ok("generate", "--model", run, "--prompt", "say: " + SOURCES[1], "--max-new-tokens", 12, "--json").output());
    assertEquals("coffee", one.path("text").asText());
    assertTrue(one.path("prompt_tokens").asInt() > 3, "tokens of the source");
    assertTrue(ok("predict", run, "--text", SOURCES[2]).output().contains(TARGETS[2]), "predict writes the prefix as training did");
  }

  /** A model that comes with a beam search, as summarizers do, has room for its beams. */
  @Test
  void theModelsOwnSearchIsFollowed() throws IOException {
    Path own = TinySource.copyTo("tiny-bart", dir.resolve("bart"));
    Files.writeString(own.resolve("generation_config.json"), """
        {"decoder_start_token_id": 2, "eos_token_id": 2, "forced_bos_token_id": 0, "forced_eos_token_id": 2, "num_beams": 4, "max_length": 12,
         "min_length": 5, "no_repeat_ngram_size": 3, "length_penalty": 2.0, "early_stopping": true}
        """);
    JsonNode said = JSON.readTree(ok("generate", "--model", own, "--prompt", "who is there?", "--json").output());
    int[] ids = JSON.convertValue(said.path("token_ids"), int[].class);
    assertEquals(0, ids[0], "forced first token");
    assertEquals(2, ids[ids.length - 1], "forced last token");
    assertTrue(ids.length >= 4 && ids.length <= 11, said.toString());
  }

  @Test
  void whatIsNoConversationIsRefused() {
    InProcess chat = InProcess.run("chat", "--model", model);
    assertEquals(2, chat.code(), chat.output());
    assertTrue(chat.output().contains("makes a text from another and holds no conversation"), chat.output());
    InProcess longer = InProcess.run("generate", "--model", model, "--prompt", "speak ".repeat(200));
    assertTrue(longer.output().contains("the source has") && longer.output().contains("the model has positions for 96"), longer.output());
  }
}
