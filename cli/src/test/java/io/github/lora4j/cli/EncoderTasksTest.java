package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tasks of encoders through the command: answers in texts, and masked tokens. */
class EncoderTasksTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void model() throws IOException {
    model = TinyBert.model(dir.resolve("model"), false);
    run = dir.resolve("run");
  }

  private List<Object> training(String task, Path data, int steps, Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", "--model", model, "--output", run, "--task", task, "--data.train", data, "--data.eval", data,
        "--adapter.target_modules", "query,value,dense", "--adapter.r", 4, "--max_steps", steps, "--batch_size", 8, "--threads", 1,
        "--optimizer.learning_rate", "2e-2"));
    args.addAll(List.of(more));
    return args;
  }

  private JsonNode measured() throws IOException {
    return JSON.readTree(Cli.ok("eval", run, "--json").out()).path("adapter");
  }

  @Test
  void answersInTexts() throws IOException {
    Path data = Files.writeString(dir.resolve("questions.jsonl"), """
        {"question": "film", "context": "the plot is awful the film is great", "answers": ["great"]}
        {"question": "plot", "context": "the plot is awful the film is great", "answers": ["awful"]}
        {"question": "film", "context": "the film is bad the plot is very nice", "answers": ["bad"]}
        {"question": "plot", "context": "the film is bad the plot is very nice", "answers": ["very nice", "nice"]}
        """.repeat(4));
    List<Object> columns = List.of("--data.text", "question", "--data.text_pair", "context", "--data.label", "answers");
    Cli.ok(training("question_answering", data, 150, columns.toArray()).toArray());
    JsonNode eval = measured();
    assertTrue(eval.path("exact_match").asDouble() > 0.7 && eval.path("f1").asDouble() >= eval.path("exact_match").asDouble(), eval.toString());
    JsonNode answer = JSON.readTree(Cli.ok("predict", run, "--text", "plot", "--text-pair", "the plot is awful the film is great", "--json").out());
    assertEquals("awful", answer.path("answer").asText(), answer.toString());
    assertEquals(12, answer.path("start").asInt());
    assertEquals(17, answer.path("end").asInt());

    Path wrong = Files.writeString(dir.resolve("wrong.jsonl"), "{\"question\": \"film\", \"context\": \"the film\", \"answers\": [\"bad\"]}\n");
    Cli refused = Cli.run("eval", run, "--data", wrong);
    assertEquals(3, refused.code());
    assertTrue(refused.err().contains("wrong.jsonl, line 1: the answer \"bad\" does not stand in the text"), refused.err());
    Path none = Files.writeString(dir.resolve("none.jsonl"), "{\"question\": \"film\", \"context\": \"the film\", \"answers\": []}\n");
    refused = Cli.run("eval", run, "--data", none);
    assertTrue(refused.code() == 3 && refused.err().contains("answerless: true"), refused.err());
  }

  @Test
  void textsMayLackTheAnswer() throws IOException {
    Path data = Files.writeString(dir.resolve("questions.jsonl"), """
        {"question": "film", "context": "the plot is awful", "answers": []}
        {"question": "plot", "context": "the plot is awful", "answers": ["awful"]}
        """.repeat(8));
    Cli.ok(training("question_answering", data, 100, "--data.text", "question", "--data.text_pair", "context", "--data.label", "answers",
        "--answerless", true).toArray());
    assertEquals(1, measured().path("exact_match").asDouble());
    assertEquals("", JSON.readTree(Cli.ok("predict", run, "--text", "film", "--text-pair", "the plot is awful", "--json").out()).path("answer")
        .asText("?"));
  }

  @Test
  void maskedTokens() throws IOException {
    withWords(model.resolve("model.safetensors"));
    Path data = dir.resolve("texts.txt");
    Files.write(data, TinyBert.examples(64, 3).stream().map(TinyBert.Example::text).toList());
    Cli.ok(training("masked_lm", data, 150, "--copies", 3, "--masked_share", 0.3).toArray());
    JsonNode eval = measured();
    assertEquals(Math.exp(eval.path("loss").asDouble()), eval.path("perplexity").asDouble(), 1e-6);
    // "the", "is" and "very" alone follow from their place: about half of all tokens.
    assertTrue(eval.path("token_accuracy").asDouble() > 0.5, eval.toString());
    Cli refused = Cli.run("predict", run, "--text", "the film");
    assertTrue(refused.code() != 0 && refused.err().contains("masked_lm has no labels to predict"), refused.err());
  }

  /** The same encoder with a head over the vocabulary. */
  private static void withWords(Path file) throws IOException {
    Map<String, List<Long>> head = Map.of("cls.predictions.transform.dense.weight", List.of(16L, 16L), "cls.predictions.transform.dense.bias",
        List.of(16L), "cls.predictions.transform.LayerNorm.weight", List.of(16L), "cls.predictions.transform.LayerNorm.bias", List.of(16L),
        "cls.predictions.bias", List.of(19L));
    Path whole = file.resolveSibling("whole.safetensors");
    try (Arena arena = Arena.ofConfined(); Checkpoint encoder = Checkpoint.open(file)) {
      SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
      for (String name : encoder.names()) {
        TensorInfo info = encoder.info(name);
        MemorySegment data = arena.allocate(info.bytes(), 64);
        encoder.read(name, DType.F32, data);
        writer.add(new TensorInfo("bert." + name, DType.F32, info.shape()), data);
      }
      Random random = new Random(5);
      head.forEach((name, shape) -> {
        TensorInfo info = new TensorInfo(name, DType.F32, shape);
        MemorySegment data = arena.allocate(info.bytes(), 64);
        for (long i = 0; i < info.elements(); i++) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, i, name.endsWith("LayerNorm.weight") ? 1 : (float) (0.3 * random.nextGaussian()));
        }
        writer.add(info, data);
      });
      writer.write(whole);
    }
    Files.move(whole, file, StandardCopyOption.REPLACE_EXISTING);
  }
}
