package io.github.lora4j.tokenizer.internal;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Tokens and their ids. */
final class Vocabulary {

  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Integer, String> tokens = new HashMap<>();
  private int size;

  /** Adds a token; false if the token has another id, or the id another token. */
  boolean add(String token, int id) {
    Integer knownId = ids.putIfAbsent(token, id);
    String knownToken = tokens.putIfAbsent(id, token);
    size = Math.max(size, id + 1);
    return (knownId == null || knownId == id) && (knownToken == null || knownToken.equals(token));
  }

  /** What has been added so far. Not Map.copyOf: its linear probing is quadratic where the strings' hashes follow each other. */
  Map<String, Integer> ids() {
    return Collections.unmodifiableMap(new HashMap<>(ids));
  }

  OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  Optional<String> token(int id) {
    return Optional.ofNullable(tokens.get(id));
  }

  /** One more than the largest id. */
  int size() {
    return size;
  }
}
