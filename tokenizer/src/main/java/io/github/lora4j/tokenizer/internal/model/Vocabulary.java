package io.github.lora4j.tokenizer.internal.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.text.Bytes;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Tokens and their ids. */
public final class Vocabulary {

  private static final HexFormat HEX = HexFormat.of().withUpperCase();
  private static final int MAX_ID = 1 << 24;

  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Integer, String> tokens = new HashMap<>();
  private int size;

  /** Adds a token; false if the token has another id, or the id another token. */
  public boolean add(String token, int id) {
    Integer knownId = ids.putIfAbsent(token, id);
    String knownToken = tokens.putIfAbsent(id, token);
    size = Math.max(size, id + 1);
    return (knownId == null || knownId == id) && (knownToken == null || knownToken.equals(token));
  }

  /** Adds a token; one that clashes with another is an error that names the place. */
  public void add(Json place, String token, int id) {
    if (id >= MAX_ID || !add(token, id)) {
      throw place.broken("gives token " + token + " the id " + id + ", which is too large or clashes with another token or id");
    }
  }

  /** Reads an object from tokens to ids. */
  public static Vocabulary read(Json vocab) {
    if (!(vocab.node() instanceof ObjectNode node)) {
      throw vocab.broken("should be an object from token to id");
    }
    Vocabulary vocabulary = new Vocabulary();
    node.properties().forEach(entry -> {
      JsonNode id = entry.getValue();
      vocabulary.add(vocab, entry.getKey(), id.isInt() && id.intValue() >= 0 ? id.intValue() : vocab.get(entry.getKey()).number());
    });
    return vocabulary;
  }

  /** What has been added so far. Not Map.copyOf: its linear probing is quadratic where the strings' hashes follow each other. */
  public Map<String, Integer> ids() {
    return Collections.unmodifiableMap(new HashMap<>(ids));
  }

  public OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  public Optional<String> token(int id) {
    return Optional.ofNullable(tokens.get(id));
  }

  /** Refuses a vocabulary without a token for every byte that UTF-8 has: text would be lost without a word. */
  public void requireBytes(Json place) {
    for (int b = 0; b < 0xF5; b++) {
      String token = String.valueOf(Bytes.character(b));
      if (b != 0xC0 && b != 0xC1 && !ids.containsKey(token)) {
        throw place.broken("has no token '%s', which stands for byte %d".formatted(token, b));
      }
    }
  }

  /** The tokens {@code <0x00>} to {@code <0xFF>} that stand for bytes. */
  public OptionalInt[] byteTokens() {
    OptionalInt[] tokens = new OptionalInt[256];
    for (int b = 0; b < tokens.length; b++) {
      tokens[b] = id("<0x" + HEX.toHexDigits((byte) b) + ">");
    }
    return tokens;
  }

  /** One more than the largest id. */
  public int size() {
    return size;
  }
}
