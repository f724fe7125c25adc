package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.serve.http.HttpLimits;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server among clients that are many, slow, gone or hostile. */
class ServingTest {

  private static final String TEXT = "/v1/completions";
  private static final int LONG = 12_000;
  private static final String ENDLESS = "{\"prompt\": \"a\", \"max_tokens\": 11900, \"ignore_eos\": true, \"temperature\": 0%s}";

  @TempDir
  Path directory;

  private TinyServer longOne(EngineLimits limits, int sequences) throws IOException {
    TinyServer.write(directory);
    TinyServer.lengthen(directory, LONG);
    return new TinyServer(directory, new ServedOptions.Room(sequences, LONG, 0, 0, Optional.empty()), limits, ServerOptions.LOCAL);
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 2000 && !condition.getAsBoolean(); i++) {
      Thread.sleep(10);
    }
    assertTrue(condition.getAsBoolean(), what);
  }

  /** A request by hand, whose answer is read or not. */
  private static Socket send(TinyServer tiny, String body) throws IOException {
    Socket socket = new Socket("127.0.0.1", tiny.server.port());
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    socket.getOutputStream().write("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n".formatted(TEXT, bytes.length).getBytes(
        StandardCharsets.US_ASCII));
    socket.getOutputStream().write(bytes);
    return socket;
  }

  @Test
  void streamsTogetherSayWhatTheyWouldAlone() throws Exception {
    try (TinyServer tiny = TinyServer.of(TinyServer.write(directory, "one", "two"), 12, "one", "two");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<String> bodies = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        bodies.add("{\"model\": \"%s\", \"prompt\": \"%s\", \"seed\": %d, \"max_tokens\": %d, \"stream\": true}".formatted(
            List.of("tiny", "one", "two").get(i % 3), "word ".repeat(1 + i % 7), i, 20 + i % 30));
      }
      List<String> alone = new ArrayList<>();
      for (String body : bodies) {
        alone.add(TinyServer.text(tiny.events(TEXT, body)));
      }
      for (int round = 0; round < 3; round++) {
        List<Future<String>> together = bodies.stream().map(body -> threads.submit(() -> TinyServer.text(tiny.events(TEXT, body)))).toList();
        for (int i = 0; i < 32; i++) {
          assertEquals(alone.get(i), together.get(i).get(), bodies.get(i));
        }
      }
      await("all have left", () -> tiny.model.engine().running() == 0);
    }
  }

  @Test
  void whoReadsSlowlyStopsNobody() throws Exception {
    try (TinyServer tiny = longOne(EngineLimits.DEFAULT, 4)) {
      try (Socket slow = send(tiny, ENDLESS.replace("11900", "2500").formatted(", \"stream\": true, \"logprobs\": 20"))) {
        InputStream in = slow.getInputStream();
        assertEquals('H', in.read());
        assertEquals(200, tiny.post(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 5}").statusCode(), "others are answered meanwhile");
        await("its answer is made although it is not read", () -> tiny.model.engine().running() == 0);
        assertEquals(0, tiny.model.engine().metrics().cancelled());
        assertEquals('T', in.read());
        String rest = new String(in.readNBytes(100_000), StandardCharsets.UTF_8);
        assertTrue(rest.startsWith("TP/1.1 200 OK"), rest.substring(0, 20));
      }
    }
  }

  @Test
  void whoHasGoneIsForgotten() throws Exception {
    try (TinyServer tiny = longOne(EngineLimits.DEFAULT, 4)) {
      for (String how : List.of(", \"stream\": true", "", ", \"n\": 3")) {
        long before = tiny.model.engine().metrics().cancelled();
        try (Socket gone = send(tiny, ENDLESS.formatted(how))) {
          await("it is answered", () -> tiny.model.engine().running() > 0);
          gone.setSoLinger(true, 0);
        }
        await("what it asked for is stopped" + how, () -> tiny.model.engine().running() == 0);
        assertTrue(tiny.model.engine().metrics().cancelled() > before, how);
      }
      assertEquals(200, tiny.post(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 5}").statusCode());
    }
  }

  @Test
  void timeAndRoomAreLimited() throws Exception {
    try (TinyServer tiny = longOne(new EngineLimits(1, Duration.ofMillis(300), Duration.ofMillis(700)), 1);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<HttpResponse<String>> first = threads.submit(() -> tiny.post(TEXT, ENDLESS.formatted("")));
      await("the first is answered", () -> tiny.model.engine().running() == 1);
      Future<HttpResponse<String>> second = threads.submit(() -> tiny.post(TEXT, ENDLESS.formatted("")));
      await("the second waits", () -> tiny.model.engine().waiting() == 1);
      HttpResponse<String> third = tiny.post(TEXT, ENDLESS.formatted(""));
      assertEquals(503, third.statusCode(), "the queue is full");
      assertEquals("1", third.headers().firstValue("Retry-After").orElse(""));
      assertEquals(503, second.get().statusCode(), "it waited too long");
      assertEquals(504, first.get().statusCode(), "it took too long: " + first.get().body());
      String stream = tiny.post(TEXT, ENDLESS.formatted(", \"stream\": true")).body();
      assertTrue(stream.contains("\"code\":\"timeout\"") && !stream.contains("[DONE]"), "a stream says so, too");
    }
  }

  @Test
  void whatWasAskedIsAnsweredBeforeTheEnd() throws Exception {
    try (TinyServer tiny = longOne(EngineLimits.DEFAULT, 2); ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<HttpResponse<String>> asked = threads.submit(() -> tiny.post(TEXT, ENDLESS.formatted("").replace("11900", "1500")));
      await("it is answered", () -> tiny.model.engine().running() == 1);
      Future<Boolean> drained = threads.submit(() -> tiny.server.drain(Duration.ofSeconds(60)));
      await("it drains", () -> status(tiny) == 503);
      assertEquals(503, tiny.post(TEXT, "{\"prompt\": \"a\"}").statusCode());
      assertTrue(drained.get());
      assertEquals(200, asked.get().statusCode());
      assertTrue(asked.get().body().contains("\"completion_tokens\":1500"));
    }
  }

  private static int status(TinyServer tiny) {
    try {
      return tiny.get("/health").statusCode();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void hostileBodiesAreRefused() throws Exception {
    try (TinyServer tiny = TinyServer.of(TinyServer.write(directory), 2)) {
      byte[] broken = "{\"prompt\": \"a?\"}".getBytes(StandardCharsets.ISO_8859_1);
      broken[13] = (byte) 0xE9;
      HttpResponse<String> utf8 = tiny.client.send(HttpRequest.newBuilder(tiny.uri(TEXT)).POST(HttpRequest.BodyPublishers.ofByteArray(broken))
          .build(),
          HttpResponse.BodyHandlers.ofString());
      assertEquals(400, utf8.statusCode());
      assertTrue(utf8.body().contains("UTF-8"), utf8.body());
      for (String body : List.of("", "nonsense", "[]", "{\"prompt\": \"a\"", "{\"prompt\": \"a\"} {}", "{\"a\":".repeat(100_000),
          "[".repeat(1_000_000),
          "{\"prompt\": \"a\", \"prompt\": \"b\"}", "{\"prompt\": NaN}", "{\"seed\": " + "9".repeat(100_000) + "}", "null", "\"a\"")) {
        HttpResponse<String> response = tiny.post(TEXT, body);
        assertEquals(400, response.statusCode(), body.substring(0, Math.min(40, body.length())));
        assertEquals("invalid_request_error", TinyServer.JSON.readTree(response.body()).at("/error/type").textValue());
      }
      try {
        HttpResponse<String> large = tiny.client.send(HttpRequest.newBuilder(tiny.uri(TEXT)).POST(HttpRequest.BodyPublishers.ofByteArray(
            new byte[100 << 20])).build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(413, large.statusCode());
      } catch (IOException e) {
        assertTrue(tiny.get("/metrics").body().contains("path=\"/v1/completions\",status=\"413\""), "refused while it was sent: " + e);
      }
      assertEquals(200, tiny.post(TEXT, "{\"prompt\": \"a\"}").statusCode());
      assertEquals(List.of(), tiny.log);
    }
  }

  @Test
  void aByteASecondIsNotWaitedFor() throws Exception {
    try (TinyServer tiny = TinyServer.of(TinyServer.write(directory), 2); Socket slow = new Socket("127.0.0.1", tiny.server.port())) {
      slow.setSoTimeout(15_000);
      slow.getOutputStream()
          .write("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{".getBytes(StandardCharsets.US_ASCII));
      int end;
      try {
        end = slow.getInputStream().read();
      } catch (java.net.SocketException e) {
        end = -1;
      }
      assertEquals(-1, end, "the server has closed the connection");
      assertEquals(200, tiny.post(TEXT, "{\"prompt\": \"a\"}").statusCode());
    }
  }

  @Test
  void aKeyIsNeeded() throws Exception {
    TinyServer.write(directory);
    ServerOptions options = new ServerOptions("127.0.0.1", 0, Optional.empty(), "sésame", List.of("https://friend.example"), HttpLimits.DEFAULT,
        ServerOptions.LOCAL.adapters(), Optional.empty());
    assertFalse(options.toString().contains("sésame") || options.guard(true).toString().contains("sésame"));
    try (TinyServer tiny = new TinyServer(directory, TinyServer.room(2, 0), EngineLimits.DEFAULT, options)) {
      assertEquals(200, tiny.get("/health").statusCode());
      for (String path : List.of("/v1/models", "/metrics", "/lora-adapters", "/nothing")) {
        HttpResponse<String> refused = tiny.get(path);
        assertEquals(401, refused.statusCode(), path);
        assertEquals("invalid_api_key", TinyServer.JSON.readTree(refused.body()).at("/error/code").textValue());
      }
      for (String header : List.of("Bearer sesame", "Bearer ", "sésame", "Basic sésame", "Bearer sésame2")) {
        assertEquals(401, header(tiny, "Authorization", header), header);
      }
      try (Socket right = new Socket("127.0.0.1", tiny.server.port())) {
        right.getOutputStream()
            .write("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer sésame\r\nConnection: close\r\n\r\n".getBytes(
            StandardCharsets.UTF_8));
        assertTrue(new String(right.getInputStream().readAllBytes(), StandardCharsets.UTF_8).startsWith("HTTP/1.1 200"));
      }
    }
  }

  private static int header(TinyServer tiny, String name, String value) throws Exception {
    return tiny.client.send(HttpRequest.newBuilder(tiny.uri("/v1/models")).header(name, value).build(), HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }

  @Test
  void pagesOfOthersMayNotCall() throws Exception {
    TinyServer.write(directory);
    ServerOptions options = new ServerOptions("127.0.0.1", 0, Optional.empty(), "", List.of("https://friend.example"), HttpLimits.DEFAULT,
        ServerOptions.LOCAL.adapters(), Optional.empty());
    try (TinyServer tiny = new TinyServer(directory, TinyServer.room(2, 0), EngineLimits.DEFAULT, options)) {
      assertEquals(403, header(tiny, "Origin", "https://evil.example"));
      assertEquals(403, header(tiny, "Origin", "null"));
      assertEquals(200, header(tiny, "Origin", "https://friend.example"));
      assertEquals(200, header(tiny, "Origin", "http://127.0.0.1:" + tiny.server.port()));
      HttpResponse<String> preflight = tiny.client.send(HttpRequest.newBuilder(tiny.uri(TEXT)).method("OPTIONS", HttpRequest.BodyPublishers.noBody())
          .header("Origin", "https://friend.example").build(), HttpResponse.BodyHandlers.ofString());
      assertEquals(204, preflight.statusCode());
      assertEquals("https://friend.example", preflight.headers().firstValue("Access-Control-Allow-Origin").orElse(""));
      try (Socket rebound = new Socket("127.0.0.1", tiny.server.port())) {
        rebound.getOutputStream()
            .write("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        assertTrue(new String(rebound.getInputStream().readAllBytes(), StandardCharsets.UTF_8).startsWith("HTTP/1.1 403"));
      }
    }
  }
}
