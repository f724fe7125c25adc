package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.serve.Models;
import io.github.lora4j.serve.Served;
import io.github.lora4j.serve.Server;
import io.github.lora4j.serve.ServerOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server of runs that read says what {@code predict} says. */
class ServeReadersTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  static Path directory;
  static Served served;
  static Server server;

  @BeforeAll
  static void start() throws Exception {
    Path model = TinyBert.model(directory.resolve("bert"), true);
    List<String> classes = new ArrayList<>(List.of("text\tlabel"));
    List<String> numbers = new ArrayList<>(List.of("text\tother\tlabel"));
    List<String> pairs = new ArrayList<>(List.of("text\tother"));
    for (int i = 0; i < 16; i++) {
      String word = i % 2 == 0 ? TinyBert.GOOD.get(i / 2 % 4) : TinyBert.BAD.get(i / 2 % 4);
      classes.add("the film is %s\t%s".formatted(word, i % 2 == 0 ? "yes" : "no"));
      numbers.add("film %s\t%s plot\t%d".formatted(word, word, i % 3));
      pairs.add("the plot is %s\t%s %s".formatted(word, word, TinyBert.OTHER.get(i % 6)));
    }
    Map<String, Path> runs = new LinkedHashMap<>();
    runs.put("vectors", train(model, "embedding", pairs, "--data.text_pair", "other"));
    runs.put("classes", train(model, "classification", classes, "--data.label", "label"));
    runs.put("numbers", train(model, "regression", numbers, "--data.text_pair", "other", "--data.label", "label"));
    served = Models.open(runs, new ServedOptions.Computing("cpu", 1));
    server = new Server(served, ServerOptions.LOCAL, line -> { });
  }

  private static Path train(Path model, String task, List<String> rows, String... more) throws Exception {
    Path data = Files.write(directory.resolve(task + ".tsv"), rows);
    Path run = directory.resolve(task);
    List<Object> arguments = new ArrayList<>(List.of("train", "--model", model, "--output", run, "--task", task, "--data.train", data, "--data.text",
        "text",
        "--max_steps", 4, "--batch_size", 8, "--adapter.r", 2, "--adapter.target_modules", "query,value", "--optimizer.learning_rate", "0.05"));
    arguments.addAll(List.of(more));
    Cli.ok(arguments.toArray());
    return run;
  }

  @AfterAll
  static void stop() {
    server.close();
    served.close();
  }

  private static HttpResponse<String> post(String path, String body) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(HttpRequest.newBuilder(URI.create(server.address() + path)).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
          HttpResponse.BodyHandlers.ofString());
    }
  }

  private static JsonNode ask(String path, String body) throws Exception {
    HttpResponse<String> response = post(path, body);
    assertEquals(200, response.statusCode(), response.body());
    return JSON.readTree(response.body());
  }

  private static JsonNode predicted(String run, String... options) throws Exception {
    List<Object> arguments = new ArrayList<>(List.of("predict", directory.resolve(run), "--json"));
    arguments.addAll(List.of(options));
    return JSON.readTree(Cli.ok(arguments.toArray()).out());
  }

  @Test
  void vectorsAreThoseOfPredict() throws Exception {
    JsonNode expected = predicted("embedding", "--text", "the film is good").path("vector");
    JsonNode answer = ask("/v1/embeddings", "{\"model\": \"vectors\", \"input\": [\"a\", \"the film is good\"]}");
    assertEquals(expected.toString(), answer.at("/data/1/embedding").toString());
    assertEquals("embedding", answer.at("/data/1/object").textValue());
    assertEquals(1, answer.at("/data/1/index").intValue());
    assertEquals(3 + 6, answer.at("/usage/prompt_tokens").intValue());
    JsonNode base = ask("/v1/embeddings", "{\"model\": \"vectors-base\", \"input\": \"the film is good\"}");
    assertTrue(!base.at("/data/0/embedding").toString().equals(expected.toString()), "the base model has other vectors");
    byte[] bytes = Base64.getDecoder().decode(ask("/v1/embeddings",
        "{\"model\": \"vectors\", \"input\": \"the film is good\", \"encoding_format\": \"base64\"}").at("/data/0/embedding").textValue());
    ByteBuffer floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (JsonNode value : expected) {
      assertEquals(value.floatValue(), floats.getFloat());
    }
    assertEquals(0, floats.remaining());
  }

  @Test
  void classesAreThoseOfPredict() throws Exception {
    JsonNode expected = predicted("classification", "--text", "the plot is awful");
    JsonNode answer = ask("/classify", "{\"model\": \"classes\", \"input\": [\"the plot is awful\"]}").at("/data/0");
    assertEquals(expected.path("label"), answer.path("label"));
    assertEquals(2, answer.path("num_classes").intValue());
    assertEquals(expected.at("/probabilities/" + answer.at("/labels/1").textValue()), answer.at("/probs/1"));
  }

  @Test
  void scoresAreThoseOfPredict() throws Exception {
    double expected = predicted("regression", "--text", "film good", "--text-pair", "bad plot").path("value").doubleValue();
    JsonNode answer = ask("/v1/score", "{\"model\": \"numbers\", \"text_1\": \"film good\", \"text_2\": [\"good plot\", \"bad plot\"]}");
    assertEquals(expected, answer.at("/data/1/score").doubleValue());
    JsonNode ranked = ask("/rerank",
        "{\"model\": \"numbers\", \"query\": \"film good\", \"documents\": [\"good plot\", \"bad plot\", \"a\"], \"top_n\": 2}");
    assertEquals(2, ranked.path("results").size());
    assertTrue(ranked.at("/results/0/relevance_score").doubleValue() >= ranked.at("/results/1/relevance_score").doubleValue());
    double cosine = predicted("embedding", "--text", "film", "--text-pair", "plot").path("similarity").doubleValue();
    assertEquals(cosine, ask("/score", "{\"model\": \"vectors\", \"text_1\": \"film\", \"text_2\": \"plot\"}").at("/data/0/score").doubleValue(),
        1e-6);
  }

  @Test
  void aModelDoesWhatItWasTrainedFor() throws Exception {
    assertEquals(404, post("/v1/embeddings", "{\"model\": \"classes\", \"input\": \"a\"}").statusCode());
    assertEquals(400, post("/classify", "{\"model\": \"vectors\", \"input\": \"a\"}").statusCode());
    assertEquals(400, post("/classify", "{\"model\": \"numbers\", \"input\": \"a\"}").statusCode());
    assertEquals(400, post("/score", "{\"model\": \"classes\", \"text_1\": \"a\", \"text_2\": \"a\"}").statusCode());
    assertEquals(404, post("/v1/chat/completions", "{\"messages\": []}").statusCode());
    for (String input : List.of("[]", "{}", "[1, \"a\"]", "[[]]", "[999999]", "[1.5]", "null")) {
      assertEquals(400, post("/v1/embeddings", "{\"model\": \"vectors\", \"input\": %s}".formatted(input)).statusCode(), input);
    }
    assertEquals(400, post("/v1/embeddings", "{\"model\": \"vectors\", \"input\": \"a\", \"dimensions\": 7}").statusCode());
  }
}
