package io.github.lora4j.train.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Rows as JSON objects: one a line, or all in one array over any lines. */
final class JsonRows {

  private static final ObjectMapper JSON = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Reads one item of an array, behind which more may follow. */
  private static final ObjectReader ITEM = JSON.readerFor(JsonNode.class).without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private JsonRows() {}

  /** Takes a row's line and its JSON object. */
  interface Taker {
    void take(int line, JsonNode row);
  }

  static void read(Path file, BufferedReader reader, Taker rows) throws IOException {
    if (isArray(reader)) {
      array(file, reader, rows);
    } else {
      lines(file, reader, rows);
    }
  }

  /** Whether the first character that is not blank opens an array; leaves the reader at the beginning. */
  private static boolean isArray(BufferedReader reader) throws IOException {
    reader.mark(1 << 16);
    int c = reader.read();
    for (int i = 1; i < 1 << 16 && (Character.isWhitespace(c) || c == '\uFEFF'); i++) {
      c = reader.read();
    }
    reader.reset();
    return c == '[';
  }

  private static void lines(Path file, BufferedReader reader, Taker rows) throws IOException {
    int number = 0;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      JsonNode node;
      try {
        node = JSON.readTree(Utf8.withoutMark(number, line));
      } catch (JsonProcessingException e) {
        throw new FormatException("%s, line %d: not valid JSON: %s".formatted(file, number, Names.printable(e.getOriginalMessage())), e);
      }
      rows.take(number, object(file, number, node));
    }
  }

  private static void array(Path file, BufferedReader reader, Taker rows) throws IOException {
    reader.mark(1);
    if (reader.read() != '\uFEFF') {
      reader.reset();
    }
    try (JsonParser parser = JSON.createParser(reader)) {
      parser.nextToken();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        int line = parser.currentTokenLocation().getLineNr();
        JsonNode node = ITEM.readValue(parser);
        rows.take(line, object(file, line, node));
      }
      if (parser.nextToken() != null) {
        throw new FormatException("%s, line %d: something follows the array".formatted(file, parser.currentTokenLocation().getLineNr()));
      }
    } catch (JsonProcessingException e) {
      throw new FormatException("%s, line %s: not valid JSON: %s".formatted(file, e.getLocation() == null ? "?" : e.getLocation().getLineNr(),
          Names.printable(e.getOriginalMessage())), e);
    }
  }

  private static JsonNode object(Path file, int line, JsonNode node) {
    if (!node.isObject()) {
      throw new FormatException("%s, line %d: expected JSON objects, one a line or in an array, got %s".formatted(file, line, node.getNodeType()));
    }
    return node;
  }

  /** The row of a JSON object. */
  static Row row(Path file, int line, JsonNode node, DataSpec spec) {
    List<String> labels = new ArrayList<>();
    if (spec.label().isPresent()) {
      JsonNode label = field(file, line, node, spec.label().get());
      if (label.isArray()) {
        for (JsonNode item : label) {
          labels.add(text(file, line, item, spec.label().get()));
        }
      } else {
        labels.add(text(file, line, label, spec.label().get()));
      }
    }
    Optional<String> pair = spec.textPair().map(key -> text(file, line, field(file, line, node, key), key));
    return new Row(line, text(file, line, field(file, line, node, spec.text()), spec.text()), pair, labels);
  }

  /** A JSON object as maps, lists, texts, numbers and booleans, in its order. */
  static Map<String, Object> map(JsonNode node) {
    return JSON.convertValue(node, new TypeReference<LinkedHashMap<String, Object>>() { });
  }

  private static String text(Path file, int line, JsonNode value, String key) {
    if (!value.isValueNode() || value.isNull()) {
      throw new FormatException("%s, line %d: \"%s\" must be text, a number or a boolean, got %s".formatted(file, line, key,
          Names.printable(value.toString())));
    }
    return value.asText();
  }

  private static JsonNode field(Path file, int line, JsonNode node, String key) {
    JsonNode value = node.get(key);
    if (value == null || value.isNull()) {
      List<String> keys = new ArrayList<>();
      node.fieldNames().forEachRemaining(keys::add);
      throw new FormatException("%s, line %d: no key \"%s\"; the keys are %s".formatted(file, line, Names.printable(key), "[" + Names.list(keys)
          + "]"));
    }
    return value;
  }
}
