package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.inference.reading.Embedder;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.serve.adapters.AllowedDirectory;
import io.github.lora4j.serve.adapters.Loading;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What other servers were asked and answered, in {@code exchanges.json}: this one takes the same requests, and its answers have the same fields of the
 * same kinds, but for those that are listed ({@code without}: not told here, {@code other}: told otherwise, and why).
 */
class ExchangesTest {

  @TempDir
  Path directory;

  @Test
  void answersHaveTheShapeOfOtherServers() throws Exception {
    TinyServer.write(directory, "one");
    ServedModel text = new ServedModel(new ServedOptions(directory, "any", Map.of("one", directory.resolve("adapters/one")), TinyServer.room(4, 2),
        new ServedOptions.Computing("cpu", 1)), EngineLimits.DEFAULT);
    Embedder vectors = new Embedder("vectors", ModelDirectory.open(directory), Map.of(), "cpu", 1);
    JsonNode exchanges;
    try (InputStream in = ExchangesTest.class.getResourceAsStream("/exchanges.json")) {
      exchanges = TinyServer.JSON.readTree(in);
    }
    List<String> wrong = new ArrayList<>();
    try (Served served = new Served(Optional.of(text), List.of(vectors), directory);
        Server server = new Server(served, ServerOptions.LOCAL.loading(new Loading(Optional.of(AllowedDirectory.of(directory.resolve("adapters"))),
            1 << 20)), wrong::add);
        HttpClient client = HttpClient.newHttpClient()) {
      for (JsonNode exchange : exchanges) {
        String what = exchange.path("method").asText() + " " + exchange.path("path").asText();
        HttpResponse<String> response = client.send(HttpRequest.newBuilder(URI.create(server.address() + exchange.path("path").asText()))
            .header("Content-Type", "application/json").method(exchange.path("method").asText(), exchange.has("request")
                ? HttpRequest.BodyPublishers.ofString(exchange.path("request").toString()) : HttpRequest.BodyPublishers.noBody()).build(),
            HttpResponse.BodyHandlers.ofString());
        assertEquals(exchange.path("status").intValue(), response.statusCode(), what + ": " + response.body());
        if (exchange.has("text")) {
          assertEquals(exchange.path("text").textValue(), response.body());
          continue;
        }
        List<String> missing = new ArrayList<>();
        compare("", exchange.path("answer"), TinyServer.JSON.readTree(response.body()), exchange.path("other"), missing, wrong);
        List<String> known = new ArrayList<>();
        exchange.path("without").forEach(path -> known.add(path.textValue()));
        assertEquals(known, missing, what + ": " + response.body());
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(exchanges.size() > 12);
  }

  private static void compare(String path, JsonNode theirs, JsonNode ours, JsonNode other, List<String> missing, List<String> wrong) {
    if (other.has(path)) {
      return;
    }
    if (ours.isMissingNode()) {
      missing.add(path);
    } else if (!theirs.getNodeType().equals(ours.getNodeType())) {
      wrong.add("%s is %s, theirs is %s".formatted(path, ours, theirs));
    } else if (theirs.isObject()) {
      theirs.properties().forEach(field -> compare(path + "/" + field.getKey(), field.getValue(), ours.path(field.getKey()), other, missing, wrong));
    } else if (theirs.isArray()) {
      for (int i = 0; i < theirs.size(); i++) {
        compare(path + "/" + i, theirs.get(i), ours.path(i), other, missing, wrong);
      }
    }
  }
}
