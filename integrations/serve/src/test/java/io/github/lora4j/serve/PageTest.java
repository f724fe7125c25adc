package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.serve.page.Workspace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page and what it asks for. */
class PageTest {

  @TempDir
  Path directory;
  Path workspace;
  TinyServer tiny;

  @BeforeEach
  void start() throws IOException {
    TinyServer.write(directory);
    workspace = Files.createDirectory(directory.resolve("work"));
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      rows.add("{\"messages\": [{\"role\": \"user\", \"content\": \"%d?\"}, {\"role\": \"assistant\", \"content\": \"yes %d\"}]}".formatted(i, i));
    }
    Files.write(workspace.resolve("talk.jsonl"), rows);
    Files.writeString(directory.resolve("secret.jsonl"), rows.getFirst());
    tiny = new TinyServer(directory, TinyServer.room(2, 0), EngineLimits.DEFAULT, ServerOptions.LOCAL.working(Workspace.of(workspace)));
  }

  @AfterEach
  void stop() {
    tiny.close();
  }

  @Test
  void thePageAsksNobodyElse() throws Exception {
    for (String path : List.of("/", "/page.css", "/page.js")) {
      HttpResponse<String> response = tiny.get(path);
      assertEquals(200, response.statusCode());
      assertTrue(response.headers().firstValue("Content-Security-Policy").orElse("").startsWith("default-src 'none';"));
      assertEquals("nosniff", response.headers().firstValue("X-Content-Type-Options").orElse(""));
      String text = response.body().replace("http://www.w3.org/2000/svg", "");
      assertFalse(text.matches("(?s).*(https?:)?//[a-z].*"), path + " names another server");
    }
    String html = tiny.get("/").body();
    for (String id : html.split("for=\"")) {
      assertTrue(html.startsWith(id) || html.contains("id=\"" + id.substring(0, id.indexOf('"')) + "\""), "a label without its input: " + id);
    }
  }

  @Test
  void masksAreThoseOfTheData() throws Exception {
    JsonNode masks = tiny.ask("/api/masks", "{\"file\": \"talk.jsonl\", \"show\": 2}");
    assertEquals("chat", masks.path("task").textValue());
    assertEquals(8, masks.path("examples").intValue());
    assertEquals(2, masks.path("shown").size());
    StringBuilder learnt = new StringBuilder();
    for (int i = 0; i < masks.at("/shown/0/tokens").size(); i++) {
      learnt.append(masks.at("/shown/0/learnt").path(i).booleanValue() ? masks.at("/shown/0/tokens").path(i).textValue() : "");
    }
    assertEquals("yesĠ0", learnt.toString());
    assertEquals("[\"talk.jsonl\"]", tiny.get("/api/files").body());
  }

  @Test
  void aTrainingIsStartedAndWatchedToItsEnd() throws Exception {
    String form = "{\"train\": \"talk.jsonl\", \"output\": \"first\", \"r\": 2, \"batch_size\": 4, \"epochs\": 2, \"learning_rate\": 0.01}";
    String yaml = tiny.ask("/api/recipe", form).path("yaml").textValue();
    assertTrue(yaml.contains("task: chat") && yaml.contains("  r: 2\n") && yaml.contains("target_modules: all-linear"), yaml);
    assertFalse(Files.exists(workspace.resolve("first")));
    assertEquals("first", tiny.ask("/api/train", form).path("run").textValue());
    int steps = 0;
    boolean finished = false;
    HttpRequest watched = HttpRequest.newBuilder(tiny.uri("/api/runs/events?run=first")).build();
    try (BufferedReader events = new BufferedReader(new InputStreamReader(tiny.client.send(watched, HttpResponse.BodyHandlers.ofInputStream()).body(),
        StandardCharsets.UTF_8))) {
      for (String line = events.readLine(); line != null; line = events.readLine()) {
        JsonNode event = line.startsWith("data: ") ? TinyServer.JSON.readTree(line.substring(6)) : TinyServer.JSON.nullNode();
        steps += event.path("event").asText().equals("step") ? 1 : 0;
        finished |= event.path("event").asText().equals("finished");
      }
    }
    assertEquals(4, steps);
    assertTrue(finished);
    assertTrue(tiny.get("/api/runs").body().contains("\"name\":\"first\""));
    assertEquals(400, tiny.post("/api/train", form).statusCode(), "there is one of this name");
    assertTrue(Files.exists(workspace.resolve("first/adapter/adapter_model.safetensors")));
  }

  @Test
  void nothingOutsideTheWorkspaceIsSeen() throws Exception {
    Files.createSymbolicLink(workspace.resolve("link.jsonl"), directory.resolve("secret.jsonl"));
    for (String name : List.of("../secret.jsonl", "link.jsonl", "..", ".", "/etc/passwd", "a/b", "", "nothing.jsonl", "\\u0000")) {
      assertEquals(400, tiny.post("/api/masks", "{\"file\": \"%s\"}".formatted(name)).statusCode(), name);
      assertEquals(400, tiny.post("/api/recipe", "{\"train\": \"%s\", \"output\": \"x\"}".formatted(name)).statusCode(), name);
    }
    for (String name : List.of("../x", "/tmp/x", "..", "a b", "")) {
      assertEquals(400, tiny.post("/api/train", "{\"train\": \"talk.jsonl\", \"output\": \"%s\"}".formatted(name)).statusCode(), name);
    }
    for (String run : List.of("..", "%2e%2e", "..%2f", "work", "")) {
      assertTrue(tiny.get("/api/runs/events?run=" + run).statusCode() >= 400, run);
    }
    assertEquals("[\"talk.jsonl\"]", tiny.get("/api/files").body());
  }
}
