package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.cli.InProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small Llama learns answers by heart through the command: its answers before and after, what eval says of them, and predict. */
class AnswersTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] QUESTIONS = {"What is the capital of France?", "How many legs has a spider?", "Add two and two.",
    "Who bakes <bread>?"};
  private static final String[] ANSWERS = {"Paris.", "Eight.", "Four.", "The baker & I."};

  @TempDir
  private static Path dir;

  private static Path model;
  private static Path run;
  private static Path chats;

  @BeforeAll
  static void train() throws IOException {
    model = TinyLlama.copyTo(dir.resolve("model"));
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < QUESTIONS.length; i++) {
      rows.add(row(QUESTIONS[i], ANSWERS[i]));
    }
    chats = Files.write(dir.resolve("chats.jsonl"), rows);
    run = dir.resolve("run");
    train(run, "--task", "chat", "--data.train", chats, "--data.eval", chats, "--max_steps", 150, "--optimizer.schedule", "constant");
  }

  private static String row(String question, String answer) {
    return "{\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}, {\"role\": \"assistant\", \"content\": \"%s\"}]}".formatted(question, answer);
  }

  private static InProcess ok(Object... arguments) {
    InProcess result = InProcess.run(arguments);
    assertEquals(0, result.code(), result.output());
    return result;
  }

  private static InProcess train(Path output, Object... more) {
    List<Object> all = new ArrayList<>(List.of("train", "--model", model, "--output", output, "--optimizer.learning_rate", "2e-2", "--batch_size", 4,
        "--adapter.r", 8, "--adapter.lora_alpha", 16, "--adapter.target_modules=all-linear", "--adapter.modules_to_save=lm_head",
        "--eval_every", 1000, "--threads", 1));
    all.addAll(List.of(more));
    return ok(all.toArray());
  }

  private static List<JsonNode> events(Path of, String kind) throws IOException {
    List<JsonNode> events = new ArrayList<>();
    for (String line : Files.readAllLines(of.resolve("metrics.jsonl"))) {
      JsonNode event = JSON.readTree(line);
      if (event.path("event").asText().equals(kind)) {
        events.add(event);
      }
    }
    return events;
  }

  @Test
  void theSameQuestionsAreAnsweredBeforeAndAfter() throws IOException {
    List<JsonNode> sampled = events(run, "sampled");
    assertEquals(List.of(0, 150), sampled.stream().map(event -> event.path("step").asInt()).toList());
    for (int i = 0; i < 3; i++) {
      for (JsonNode event : sampled) {
        assertEquals(QUESTIONS[i], event.path("samples").path(i).path("prompt").asText());
        assertEquals(ANSWERS[i], event.path("samples").path(i).path("reference").asText());
      }
      assertEquals(ANSWERS[i], sampled.get(1).path("samples").path(i).path("answer").asText(), "learnt by heart");
      assertFalse(sampled.get(0).path("samples").path(i).path("answer").asText().contains(ANSWERS[i]));
      assertEquals("eos", sampled.get(1).path("samples").path(i).path("ended").asText());
    }
    assertEquals(3, sampled.get(1).path("samples").size());
    String page = Files.readString(run.resolve("report.html"));
    assertTrue(page.contains("<th scope=\"col\">before</th><th scope=\"col\">after</th><th scope=\"col\">reference</th>"), "side by side");
    assertTrue(page.contains("<td>Paris.</td><td>Paris.</td></tr>"), "after, and as it should be");
  }

  @Test
  void evalGeneratesAndMeasures() throws IOException {
    List<String> rows = new ArrayList<>(Files.readAllLines(chats));
    rows.add(row(QUESTIONS[0], "It is Paris."));
    Path several = Files.write(dir.resolve("several.jsonl"), rows);
    InProcess said = ok("eval", run, "--generate", "--data", several, "--max_new_tokens", 24, "--base", "--json", "--threads", 2,
        "--metrics", "bleu,rouge,exact_match,exact_match_squad,f1,bleu_e2e,bleu_nltk");
    JsonNode result = JSON.readTree(said.output());
    assertEquals(1, result.path("adapter").path("exact_match").asDouble());
    assertEquals(1, result.path("adapter").path("rougeL").asDouble(), 1e-12);
    assertEquals(0, result.path("base").path("exact_match").asDouble());
    assertTrue(result.path("base").path("f1").asDouble() < 0.5, said.output());
    assertTrue(result.path("definitions").path(0).asText().contains("nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp"), said.output());
    assertTrue(said.output().contains("4 questions, 5 references"), said.output());
    List<String> lines = Files.readAllLines(run.resolve("generations.jsonl"));
    assertEquals(4, lines.size());
    JsonNode first = JSON.readTree(lines.getFirst());
    assertEquals("[\"Paris.\",\"It is Paris.\"]", first.path("references").toString());
    assertEquals("Paris.", first.path("answer").asText());
    assertEquals("eos", first.path("finish_reason").asText());
    assertFalse(first.path("base_answer").asText().isEmpty());
    String table = ok("eval", run, "--generate", "--limit", 2, "--max_new_tokens", 2, "--metrics", "exact_match").output();
    assertTrue(table.contains("2 questions, 2 references"), table);
    assertTrue(table.contains("2 of 2 answers were not ended"), table);
    assertEquals(2, Files.readAllLines(run.resolve("generations.jsonl")).size());
  }

  @Test
  void predictAnswers() throws IOException {
    assertEquals("Paris.\n", ok("predict", run, "--text", QUESTIONS[0]).output());
    assertEquals("Eight.\t" + QUESTIONS[1] + "\nFour.\t" + QUESTIONS[2] + "\n", ok("predict", run, "--text", QUESTIONS[1], "--text",
        QUESTIONS[2]).output());
    JsonNode json = JSON.readTree(ok("predict", run, "--text", QUESTIONS[3], "--json").output());
    assertEquals(ANSWERS[3], json.path("answer").asText());
    assertEquals("eos", json.path("finish_reason").asText());
  }

  @Test
  void textsAreContinuedAndPromptsCanBeGiven() throws IOException {
    Path texts = Files.write(dir.resolve("texts.jsonl"), List.of("{\"text\": \"The baker bakes the bread.\"}",
        "{\"text\": \"Sunny, twenty degrees.\"}"));
    Path continued = dir.resolve("continued");
    train(continued, "--task", "causal_lm", "--data.train", texts, "--data.eval", texts, "--max_steps", 60, "--batch_size", 2,
        "--optimizer.schedule", "constant");
    List<JsonNode> sampled = events(continued, "sampled");
    assertEquals(2, sampled.getLast().path("samples").size());
    JsonNode sample = sampled.getLast().path("samples").path(0);
    assertEquals("The baker bakes the bread.", sample.path("prompt").asText() + sample.path("reference").asText());
    assertEquals(sample.path("reference").asText(), sample.path("answer").asText());
    assertEquals(sample.path("reference").asText() + "\n", ok("predict", continued, "--text", sample.path("prompt").asText()).output());
    Path given = dir.resolve("given");
    train(given, "--task", "chat", "--data.train", chats, "--max_steps", 1, "--sample_prompts", "Hello, you <b>", "--sample_tokens", 5);
    sample = events(given, "sampled").getFirst().path("samples").path(0);
    assertEquals("Hello, you <b>", sample.path("prompt").asText());
    assertTrue(Files.readString(given.resolve("report.html")).contains("<td>Hello, you &lt;b&gt;</td>"));
  }

  /** Without a template a prompt is gone on with; rows of one prompt are one question, as in the E2E data. */
  @Test
  void promptsAndCompletionsWithSeveralReferences() throws IOException {
    Path pairs = Files.write(dir.resolve("completions.jsonl"), List.of("{\"prompt\": \"name[Ash]\", \"completion\": \" Ash is a pub.\"}",
        "{\"prompt\": \"name[Oak]\", \"completion\": \" Oak is a bar.\"}", "{\"prompt\": \"name[Ash]\", \"completion\": \" Ash is a pub.\"}"));
    Path plain = dir.resolve("plain");
    train(plain, "--task", "chat", "--chat_template", "none", "--data.train", pairs, "--data.eval", pairs, "--max_steps", 100,
        "--optimizer.schedule", "constant");
    JsonNode result = JSON.readTree(ok("eval", plain, "--generate", "--json", "--metrics", "bleu,exact_match,bleu_e2e").output());
    assertEquals(100, result.path("adapter").path("bleu").asDouble(), 1e-9, result.toString());
    assertEquals(1, result.path("adapter").path("exact_match").asDouble());
    assertTrue(result.toString().contains("2 questions, 3 references"), result.toString());
    List<String> lines = Files.readAllLines(plain.resolve("generations.jsonl"));
    assertEquals(List.of("name[Ash]", "name[Oak]"), lines.stream().map(AnswersTest::prompt).toList());
    assertEquals(" Oak is a bar.\n", ok("predict", plain, "--text", "name[Oak]").output());
  }

  private static String prompt(String line) {
    try {
      return JSON.readTree(line).path("prompt").asText();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void whereThereIsNothingToAnswer() throws IOException {
    Path none = dir.resolve("none");
    train(none, "--task", "chat", "--data.train", chats, "--max_steps", 1);
    assertEquals(List.of(), events(none, "sampled"));
    assertFalse(Files.readString(none.resolve("report.html")).contains("class=\"samples\""));
    refused(2, "no data.eval; give a file with --data", "eval", none, "--generate");
    Path off = dir.resolve("off");
    train(off, "--task", "chat", "--data.train", chats, "--data.eval", chats, "--max_steps", 1, "--samples", 0);
    assertEquals(List.of(), events(off, "sampled"));
    Path pairs = Files.write(dir.resolve("pairs.jsonl"), List.of("{\"prompt\": \"a\", \"chosen\": \" b\", \"rejected\": \" c\"}"));
    Path dpo = dir.resolve("dpo");
    train(dpo, "--task", "dpo", "--data.train", pairs, "--data.eval", pairs, "--chat_template", "none", "--reference",
        "before", "--max_steps", 1, "--batch_size", 1);
    refused(2, "task dpo does not answer with texts", "eval", dpo, "--generate");
  }

  private static void refused(int code, String message, Object... args) {
    InProcess result = InProcess.run(args);
    assertEquals(code, result.code(), result.output());
    assertTrue(result.output().contains(message), result.output());
  }

  @Test
  void brokenInput() throws IOException {
    Path empty = Files.writeString(dir.resolve("empty.jsonl"), row("What?", " ") + "\n");
    refused(3, "empty.jsonl, line 1: no reference, or an empty one", "eval", run, "--generate", "--data", empty);
    Path asks = Files.writeString(dir.resolve("asks.jsonl"), "{\"messages\": [{\"role\": \"user\", \"content\": \"What?\"}]}\n");
    refused(3, "asks.jsonl, line 1: no reference", "eval", run, "--generate", "--data", asks);
    Path longer = Files.writeString(dir.resolve("longer.jsonl"), row("What? ".repeat(400), "No.") + "\n");
    refused(2, "longer.jsonl, line 1: the prompt has", "eval", run, "--generate", "--data", longer);
    refused(2, "there is no metric \"meteor\"; there are exact_match", "eval", run, "--generate", "--metrics", "meteor");
    refused(2, "--limit must be at least 1", "eval", run, "--generate", "--limit", 0);
    refused(2, "say how to --generate", "eval", run, "--limit", 3);
    refused(2, "unknown setting 'temprature'", "eval", run, "--generate", "--set", "temprature=1");
    refused(2, "samples must not be negative", "train", run, "--samples", -1);
    InProcess full = ok("eval", run, "--generate", "--limit", 1, "--max_new_tokens", 100000, "--set", "eos_token_id=[]", "--metrics", "f1");
    assertTrue(full.output().contains("1 of 1 answers ended where the model's positions do"), full.output());
  }
}
