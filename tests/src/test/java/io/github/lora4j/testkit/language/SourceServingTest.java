package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.GeneratorOptions;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.TokenListener;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.generate.text.TextGenerator;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.serve.Models;
import io.github.lora4j.serve.Served;
import io.github.lora4j.serve.Server;
import io.github.lora4j.serve.ServerOptions;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** T5 and BART behind HTTP make the texts that they make without. */
class SourceServingTest {

  private static final List<String> SOURCES = List.of("the cat sat", "translate: a dog", "the cat sat on a mat");

  @TempDir
  private Path dir;

  @ParameterizedTest
  @ValueSource(strings = {"tiny-t5", "tiny-bart"})
  void aTextIsMadeFromThePrompt(String name) throws IOException, InterruptedException {
    Path model = TinySource.copyTo(name, dir.resolve(name));
    ServedOptions options = new ServedOptions(model, "", Map.of(), new ServedOptions.Room(4, 40, 0, 0, Optional.of("f32")),
        new ServedOptions.Computing("cpu", 2));
    try (Served served = Models.open(options, Map.of(), EngineLimits.DEFAULT); Server server = new Server(served, ServerOptions.LOCAL, line -> { });
        HttpClient client = HttpClient.newHttpClient()) {
      JsonNode answer = post(client, server, "/v1/completions", Map.of("prompt", SOURCES, "max_tokens", 9, "temperature", 0, "ignore_eos", true));
      List<String> want = without(model);
      assertTrue(want.stream().anyMatch(text -> !text.isBlank()), "something is said");
      for (int i = 0; i < SOURCES.size(); i++) {
        assertEquals(want.get(i), answer.at("/choices/" + i + "/text").textValue(), SOURCES.get(i));
      }
      JsonNode refused = post(client, server, "/v1/chat/completions", Map.of("messages", List.of(Map.of("role", "user", "content", "a"))));
      assertTrue(refused.at("/error/message").textValue().contains("holds no conversation"), refused.toString());
    }
  }

  private static List<String> without(Path path) {
    ModelDirectory model = ModelDirectory.open(path);
    try (Backend backend = Backend.open("cpu", 1); Checkpoint weights = model.checkpoint();
        Generator generator = Generator.open(Generator.model(model.architecture()), weights, new GeneratorOptions(1, 40, 40, 40, WeightFormat.F32),
            backend)) {
      Tokenizer tokenizer = Tokenizer.load(path);
      TextGenerator text = new TextGenerator(generator, tokenizer, model);
      return SOURCES.stream().map(source -> {
        GenerationConfig config = GenerationSettings.of(GenerationSettings.ofModel(path), Map.of("max_new_tokens", 9, "eos_token_id", List.of(),
            "num_beams", 1, "do_sample", false));
        Sequence done = generator.run(List.of(text.request(source, config, "")), TokenListener.NONE).getFirst();
        return tokenizer.decode(done.generated());
      }).toList();
    }
  }

  private static JsonNode post(HttpClient client, Server server, String path, Map<String, ?> body) throws IOException, InterruptedException {
    ObjectMapper json = new ObjectMapper();
    HttpRequest request = HttpRequest.newBuilder(URI.create(server.address() + path)).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(json.writeValueAsString(body))).build();
    return json.readTree(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}
