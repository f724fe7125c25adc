package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.TinyLlama;
import io.github.lora4j.generate.text.ByteTokenizer;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.serve.adapters.AllowedDirectory;
import io.github.lora4j.serve.adapters.Loading;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters that come, change and go while a server answers. */
class AdaptersTest {

  private static final String TEXT = "/v1/completions";
  private static final String BODY = "{\"model\": \"%s\", \"prompt\": \"once\", \"max_tokens\": 20, \"temperature\": 0, \"logprobs\": 0%s}";

  @TempDir
  Path directory;
  TinyServer tiny;

  @BeforeEach
  void start() throws Exception {
    TinyServer.write(directory, "one", "two", "three");
    TinyServer.adapter(model(), directory.resolve("adapters/half"), "one", 0.5f);
    tiny = new TinyServer(directory, TinyServer.room(8, 3), EngineLimits.DEFAULT, ServerOptions.LOCAL.loading(new Loading(
        Optional.of(AllowedDirectory.of(directory.resolve("adapters"))), 1 << 20)), "one");
  }

  private TinyLlama model() {
    return new TinyLlama(directory, Generator.model(ModelDirectory.open(directory).architecture()));
  }

  @AfterEach
  void stop() {
    tiny.close();
    assertEquals(List.of(), tiny.log);
    assertEquals(257, ByteTokenizer.SIZE);
  }

  private JsonNode answer(String model, String more) throws Exception {
    return tiny.ask(TEXT, BODY.formatted(model, more)).at("/choices/0");
  }

  private HttpResponse<String> load(String name, String path) throws Exception {
    return tiny.post("/v1/load_lora_adapter", "{\"lora_name\": \"%s\", \"lora_path\": \"%s\", \"load_inplace\": true}".formatted(name, path));
  }

  private HttpResponse<String> unload(String name) throws Exception {
    return tiny.post("/v1/unload_lora_adapter", "{\"lora_name\": \"%s\"}".formatted(name));
  }

  private static String code(HttpResponse<String> response) throws Exception {
    return TinyServer.JSON.readTree(response.body()).at("/error/code").textValue();
  }

  @Test
  void anAdapterIsLoadedReplacedAndRemoved() throws Exception {
    JsonNode base = answer("tiny", "");
    JsonNode one = answer("one", "");
    assertEquals(200, load("x", "two").statusCode());
    JsonNode two = answer("x", "");
    assertEquals(200, load("x", directory.resolve("adapters/three").toRealPath().toString()).statusCode());
    JsonNode three = answer("x", "");
    assertEquals(4, List.of(base, one, two, three).stream().map(a -> a.path("text").textValue()).distinct().count());
    assertEquals(one, answer("one", ""), "others stay as they are");
    assertEquals(400, tiny.post("/v1/load_lora_adapter", "{\"lora_name\": \"x\", \"lora_path\": \"two\"}").statusCode(), "it is loaded already");
    assertEquals(200, unload("x").statusCode());
    assertEquals(404, unload("x").statusCode());
    assertEquals(404, tiny.post(TEXT, BODY.formatted("x", "")).statusCode());
    assertEquals(200, load("y", "two").statusCode());
    assertEquals(two, answer("y", ""));
  }

  @Test
  void thereIsRoomForSoMany() throws Exception {
    assertEquals(200, load("x", "two").statusCode());
    assertEquals(200, load("y", "three").statusCode());
    HttpResponse<String> fourth = load("z", "three");
    assertEquals(400, fourth.statusCode());
    assertTrue(fourth.body().contains("room for 3 adapters (one, x, y)"), fourth.body());
    assertEquals(200, load("y", "two").statusCode(), "one is replaced, though the server is full");
  }

  @Test
  void noPathLeadsOut() throws Exception {
    Path outside = Files.createDirectory(directory.resolve("outside"));
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(directory.resolve("adapters/one").resolve(file), outside.resolve(file));
    }
    Files.createSymbolicLink(directory.resolve("adapters/link"), outside);
    Path linked = Files.createDirectory(directory.resolve("adapters/linked"));
    Files.createSymbolicLink(linked.resolve("adapter_model.safetensors"), outside.resolve("adapter_model.safetensors"));
    for (String path : List.of("../outside", "one/../../outside", outside.toString(), "link", "linked", "/etc", ".", "", directory.toString(),
        "one/..", "\\u0000", directory + "/adapters/../outside")) {
      HttpResponse<String> response = load("x", path);
      assertTrue(List.of(400, 403).contains(response.statusCode()), path + ": " + response.body());
      assertFalse(response.body().contains(outside.toString()) && !path.equals(outside.toString()), response.body());
    }
    assertEquals("path_not_allowed", code(load("x", "link")));
    assertEquals("no_adapter", code(load("x", "nothing")));
    for (String name : List.of("", "../x", "a\\nb", "tiny", "x".repeat(300))) {
      assertEquals(400, load(name, "two").statusCode(), name);
    }
    Files.write(directory.resolve("adapters/two/large"), new byte[2 << 20]);
    assertEquals("adapter_too_large", code(load("x", "two")));
    assertEquals(List.of("tiny", "one"), TinyServer.JSON.readTree(tiny.get("/v1/models").body()).path("data").findValuesAsText("id"));
  }

  @Test
  void aSumOfAdaptersHasAFactorForEach() throws Exception {
    assertEquals(200, load("half", "half").statusCode());
    JsonNode base = answer("tiny", "");
    JsonNode one = answer("one", "");
    assertEquals(base, answer("tiny", ", \"lora\": []"));
    assertEquals(one, answer("tiny", ", \"lora\": [{\"id\": 0, \"scale\": 1.0}, {\"id\": 1, \"scale\": 0}]"));
    // Halves are exact, so that the bits are the same.
    assertEquals(answer("half", "").path("text"), answer("tiny", ", \"lora\": [{\"id\": 0, \"scale\": 0.5}]").path("text"));
    assertEquals(one.path("text"), answer("tiny", ", \"lora\": [{\"id\": 0, \"scale\": 0.5}, {\"id\": 1, \"scale\": 1}]").path("text"));
    assertNotEquals(one.path("text"), answer("tiny", ", \"lora\": [{\"id\": 0, \"scale\": 0.5}]").path("text"));
    for (String wrong : List.of("[{\"id\": 7, \"scale\": 1}]", "[{\"id\": 0}]", "[{\"id\": 0, \"scale\": \"a\"}]", "{}", "[{\"id\": 0, \"scale\": 1},"
        + "{\"id\": 0, \"scale\": 1}]")) {
      assertEquals(400, tiny.post(TEXT, BODY.formatted("tiny", ", \"lora\": " + wrong)).statusCode(), wrong);
    }
    assertEquals(400, tiny.post(TEXT, BODY.formatted("one", ", \"lora\": []")).statusCode());
    for (int i = 0; i < 50; i++) {
      answer("tiny", ", \"lora\": [{\"id\": 0, \"scale\": %s}]".formatted(i / 64.0 + 0.001));
    }
  }

  @Test
  void scalesOfTheServerAreForRequestsThatNameNoModel() throws Exception {
    String body = "{\"prompt\": \"once\", \"max_tokens\": 20, \"temperature\": 0}";
    String one = answer("one", "").path("text").textValue();
    assertEquals(one, tiny.ask(TEXT, body).at("/choices/0/text").textValue());
    assertEquals(1.0, TinyServer.JSON.readTree(tiny.get("/lora-adapters").body()).at("/0/scale").doubleValue());
    assertEquals("{\"success\":true}", tiny.post("/lora-adapters", "[{\"id\": 0, \"scale\": 0}]").body());
    assertEquals(answer("tiny", "").path("text").textValue(), tiny.ask(TEXT, body).at("/choices/0/text").textValue(),
        "and no key or value of before");
    assertEquals(400, tiny.post("/lora-adapters", "{}").statusCode());
    assertEquals(400, tiny.post("/lora-adapters", "[{\"id\": 9, \"scale\": 1}]").statusCode());
    assertEquals(one, answer("one", "").path("text").textValue());
  }

  /** Whoever has begun with a version ends with it, and nobody is disturbed. */
  @Test
  void aThousandSwapsDisturbNobody() throws Exception {
    List<Object> expected = List.of(expected("tiny"), expected("one"));
    assertEquals(200, load("x", "two").statusCode());
    Object two = expected("x");
    assertEquals(200, load("x", "three").statusCode());
    Object three = expected("x");
    AtomicBoolean over = new AtomicBoolean();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Integer>> clients = new ArrayList<>();
      for (int c = 0; c < 6; c++) {
        String model = List.of("tiny", "one", "x").get(c % 3);
        List<Object> right = c % 3 == 2 ? List.of(two, three) : List.of(expected.get(c % 3));
        Callable<Integer> client = () -> {
          int asked = 0;
          while (!over.get()) {
            Object got = expected(model);
            assertTrue(right.contains(got), () -> model + " said " + got);
            asked++;
          }
          return asked;
        };
        clients.add(threads.submit(client));
      }
      for (int i = 0; i < 1000; i++) {
        assertEquals(200, load("x", i % 2 == 0 ? "two" : "three").statusCode());
      }
      over.set(true);
      for (Future<Integer> client : clients) {
        assertTrue(client.get() > 3);
      }
    }
    assertEquals(three, expected("x"));
    assertEquals(Map.of("one", 0, "x", 1), tiny.model.engine().voices().ids());
  }

  private Object expected(String model) throws Exception {
    return answer(model, ", \"seed\": 1, \"stream\": false").path("text").textValue();
  }
}
