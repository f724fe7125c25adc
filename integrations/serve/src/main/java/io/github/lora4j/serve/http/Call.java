package io.github.lora4j.serve.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A request and its answer. */
public final class Call {

  private final HttpExchange exchange;
  private final HttpLimits limits;
  private int status;

  Call(HttpExchange exchange, HttpLimits limits) {
    this.exchange = exchange;
    this.limits = limits;
  }

  /** "GET". */
  public String method() {
    return exchange.getRequestMethod();
  }

  /** The path, without a query, as it was sent. */
  public String path() {
    return String.valueOf(exchange.getRequestURI().getRawPath());
  }

  /** The query as it was sent; "" if there is none. */
  public String query() {
    String query = exchange.getRequestURI().getRawQuery();
    return query == null ? "" : query;
  }

  /** The first header of a name. */
  public Optional<String> header(String name) {
    return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name));
  }

  /** Sets a header of the answer. */
  public Call with(String header, String value) {
    exchange.getResponseHeaders().set(header, value);
    return this;
  }

  /** The status that was sent; 0 before. */
  public int status() {
    return status;
  }

  /**
   * The JSON object of the body.
   *
   * @throws Refusal when it is too large or none
   */
  public ObjectNode json() throws IOException {
    return Json.object(body());
  }

  /**
   * The JSON list of the body.
   *
   * @throws Refusal when it is too large or none
   */
  public ArrayNode jsonArray() throws IOException {
    return Json.array(body());
  }

  private byte[] body() throws IOException {
    Refusal large = Refusal.of(413, "request_too_large", "the body has more than %,d bytes, which is all this server takes".formatted(limits.body()));
    if (header("Content-Length").filter(length -> length.length() > 18 || Long.parseLong(length) > limits.body()).isPresent()) {
      throw large;
    }
    try (InputStream in = exchange.getRequestBody()) {
      byte[] body = in.readNBytes(Math.toIntExact(limits.body() + 1));
      if (body.length > limits.body()) {
        throw large;
      }
      return body;
    }
  }

  /** Answers with JSON. */
  public void send(int code, JsonNode json) throws IOException {
    send(code, "application/json; charset=utf-8", Json.bytes(json));
  }

  /** Answers with text. */
  public void text(int code, String type, String text) throws IOException {
    send(code, type, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Answers with bytes. */
  public void send(int code, String type, byte[] body) throws IOException {
    with("Content-Type", type);
    status = code;
    exchange.sendResponseHeaders(code, body.length == 0 || method().equals("HEAD") ? -1 : body.length);
    if (body.length > 0 && !method().equals("HEAD")) {
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(body);
      }
    }
  }

  /** Answers with nothing but a status. */
  public void empty(int code) throws IOException {
    status = code;
    exchange.sendResponseHeaders(code, -1);
  }

  /** Begins an answer whose end is not known yet; where it is not ended the client sees that it was cut. */
  public OutputStream begin(String type) throws IOException {
    with("Content-Type", type).with("Cache-Control", "no-cache").with("X-Accel-Buffering", "no");
    status = 200;
    exchange.sendResponseHeaders(200, 0);
    return exchange.getResponseBody();
  }

  /** Whether an answer has begun, so that there is no other status any more. */
  public boolean begun() {
    return status != 0;
  }

  void close() {
    exchange.close();
  }
}
