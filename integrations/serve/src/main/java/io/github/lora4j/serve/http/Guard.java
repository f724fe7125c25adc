package io.github.lora4j.serve.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who may call: a key if one is set, and of web pages those of this server and of the origins allowed. On a loopback address the Host header must
 * name
 * one, so that no page of the Internet reaches the server under a name that it makes point there.
 *
 * @param key what clients send as {@code Authorization: Bearer KEY}; empty: none is needed
 * @param origins of web pages that may call, such as {@code https://example.org}; "*": all
 * @param loopback whether the server listens on a loopback address
 */
public record Guard(String key, List<String> origins, boolean loopback) {

  private static final Set<String> HERE = Set.of("localhost", "127.0.0.1", "[::1]", "::1");

  /** Copies the list. */
  public Guard {
    origins = List.copyOf(origins);
  }

  @Override
  public String toString() {
    return "Guard[key=%s, origins=%s, loopback=%s]".formatted(key.isEmpty() ? "none" : "set", origins, loopback);
  }

  /**
   * Checks where a call comes from, and says in the answer what a browser may do.
   *
   * @throws Refusal when a web page may not call
   */
  void origin(Call call) {
    String host = call.header("Host").orElse("");
    if (loopback && !host.isEmpty() && !HERE.contains(name(host))) {
      throw Refusal.of(403, "forbidden_host", "this server listens on a loopback address and is called localhost, not " + host);
    }
    call.with("Vary", "Origin").with("X-Content-Type-Options", "nosniff");
    Optional<String> origin = call.header("Origin");
    if (origin.isEmpty()) {
      return;
    }
    if (origins.contains("*") || origins.contains(origin.get())) {
      call.with("Access-Control-Allow-Origin", origins.contains("*") ? "*" : origin.get());
      call.with("Access-Control-Allow-Methods", "GET, POST, OPTIONS").with("Access-Control-Allow-Headers", "Authorization, Content-Type");
      call.with("Access-Control-Max-Age", "600");
    } else if (!origin.get().endsWith("://" + host)) {
      throw Refusal.of(403, "forbidden_origin", "pages of %s may not call this server; allow them by --cors".formatted(origin.get()));
    }
  }

  private static String name(String host) {
    int colon = host.lastIndexOf(':');
    return colon > host.lastIndexOf(']') ? host.substring(0, colon) : host;
  }

  /**
   * Checks the key; how long that takes says nothing of it.
   *
   * @throws Refusal when it is not this server's
   */
  void key(Call call) {
    if (key.isEmpty()) {
      return;
    }
    String given = call.header("Authorization").filter(h -> h.regionMatches(true, 0, "Bearer ", 0, 7)).map(h -> h.substring(7).strip()).orElse("");
    // The JDK's server gives a header's bytes as characters.
    if (!MessageDigest.isEqual(digest(given.getBytes(StandardCharsets.ISO_8859_1)), digest(key.getBytes(StandardCharsets.UTF_8)))) {
      call.with("WWW-Authenticate", "Bearer");
      throw Refusal.of(401, "invalid_api_key", given.isEmpty() ? "this server needs an API key: Authorization: Bearer KEY"
          : "the API key is not this server's");
    }
  }

  private static byte[] digest(byte[] text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
