package io.github.lora4j.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.TinyLlama;
import io.github.lora4j.generate.text.ByteTokenizer;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.models.Model;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;

/** A server of a tiny random model, as a client sees it. */
final class TinyServer implements AutoCloseable {

  static final ObjectMapper JSON = new ObjectMapper();
  static final String TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if tools %}[{{ tools | tojson }}]{% endif %}"
      + "{% if add_generation_prompt %}<assistant>{% endif %}";

  static {
    // Read once in a process, by its first server.
    System.setProperty("sun.net.httpserver.maxReqTime", "2");
    System.setProperty("sun.net.httpserver.timerMillis", "200");
  }

  final List<String> log = new CopyOnWriteArrayList<>();
  final ServedModel model;
  final Server server;
  final HttpClient client = HttpClient.newHttpClient();

  /**
   * Starts one.
   *
   * @param directory of the model, with {@code adapters/NAME} below it
   */
  TinyServer(Path directory, ServedOptions.Room room, EngineLimits limits, ServerOptions options, String... adapters) {
    Map<String, Path> named = new LinkedHashMap<>();
    for (String adapter : adapters) {
      named.put(adapter, directory.resolve("adapters").resolve(adapter));
    }
    model = new ServedModel(new ServedOptions(directory, "tiny", named, room, new ServedOptions.Computing("cpu", 1)), limits);
    server = new Server(Served.of(model), options, log::add);
  }

  /** One with room for some sequences of 80 tokens. */
  static TinyServer of(Path directory, int sequences, String... adapters) {
    return new TinyServer(directory, room(sequences, 0), EngineLimits.DEFAULT, ServerOptions.LOCAL, adapters);
  }

  static ServedOptions.Room room(int sequences, int seats) {
    return new ServedOptions.Room(sequences, TinyLlama.CONTEXT, seats, 4, Optional.empty());
  }

  /** Writes the model, its tokenizer with a chat template, and adapters. */
  static Path write(Path directory, String... adapters) throws IOException {
    TinyLlama tiny = TinyLlama.write(directory, weight -> weight, ByteTokenizer.SIZE);
    ByteTokenizer.write(directory);
    Files.writeString(directory.resolve("tokenizer_config.json"), JSON.writeValueAsString(Map.of("chat_template", TEMPLATE, "bos_token", "<s>")));
    for (String adapter : adapters) {
      adapter(tiny, directory.resolve("adapters").resolve(adapter), adapter);
    }
    return directory;
  }

  /** Lets the model continue for long. */
  static void lengthen(Path directory, int positions) throws IOException {
    Path config = directory.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("\"max_position_embeddings\": 80", "\"max_position_embeddings\": " + positions));
  }

  /** Writes a random adapter. */
  static void adapter(TinyLlama tiny, Path directory, String seed) {
    adapter(tiny, directory, seed, 1);
  }

  /** @param factor of what it adds */
  static void adapter(TinyLlama tiny, Path directory, String seed, float factor) {
    adapter(tiny.model(), directory, seed, factor);
  }

  /** One for any Llama. */
  static void adapter(Model model, Path directory, String seed, float factor) {
    Adapter adapter = new LoraMethod().create(LoraConfig.builder().r(3).targetModules(TargetModules.of("q_proj", "v_proj", "down_proj")).build(),
        Generator.describe(model));
    try (AdapterValues values = new AdapterValues(adapter.parameters())) {
      Random random = new Random(Graph.siteHash(seed));
      adapter.parameters().forEach(p -> {
        for (long i = 0; i < p.elements(); i++) {
          values.get(p.slot()).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.4 * random.nextGaussian()) * (p.slot().contains("lora_B") ? factor
              : 1));
        }
      });
      PeftFormat.save(directory, adapter, values);
    }
  }

  URI uri(String path) {
    return URI.create(server.address() + path);
  }

  HttpRequest.Builder request(String path, String body) {
    return HttpRequest.newBuilder(uri(path)).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body));
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    return client.send(request(path, body).build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return client.send(HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
  }

  /** The answer to a body that is right. */
  JsonNode ask(String path, String body) throws IOException, InterruptedException {
    HttpResponse<String> response = post(path, body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    return JSON.readTree(response.body());
  }

  /** The events of a stream, without the one that ends it; an error if it is not ended. */
  List<JsonNode> events(String path, String body) throws IOException, InterruptedException {
    HttpResponse<String> response = post(path, body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    List<String> lines = response.body().lines().filter(line -> !line.isEmpty() && !line.startsWith(":")).toList();
    if (!lines.getLast().equals("data: [DONE]")) {
      throw new AssertionError("the stream ends with " + lines.getLast());
    }
    List<JsonNode> events = new ArrayList<>();
    for (String line : lines.subList(0, lines.size() - 1)) {
      events.add(JSON.readTree(line.substring("data: ".length())));
    }
    return events;
  }

  /** The text of a stream of completions. */
  static String text(List<JsonNode> events) {
    StringBuilder text = new StringBuilder();
    events.forEach(event -> event.path("choices").forEach(choice -> text.append(choice.path("text").asText("")).append(choice.path("delta")
        .path("content").asText(""))));
    return text.toString();
  }

  @Override
  public void close() {
    server.close();
    model.close();
    client.close();
  }
}
