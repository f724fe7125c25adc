package io.github.lora4j.serve.http;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** JSON from strangers, and to them. */
public final class Json {

  private static final int DEPTH = 100;
  private static final ObjectMapper MAPPER = JsonMapper.builder(JsonFactory.builder().streamReadConstraints(StreamReadConstraints.builder()
      .maxNestingDepth(DEPTH).maxNumberLength(400).maxStringLength(Integer.MAX_VALUE).maxNameLength(10_000).build())
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private Json() {}

  /**
   * The object that a body holds.
   *
   * @throws Refusal when it is none, saying why and where
   */
  public static ObjectNode object(byte[] body) {
    if (read(body) instanceof ObjectNode object) {
      return object;
    }
    throw Refusal.invalid("", "the body must be a JSON object");
  }

  /**
   * The list that a body holds.
   *
   * @throws Refusal when it is none, saying why and where
   */
  public static ArrayNode array(byte[] body) {
    if (read(body) instanceof ArrayNode array) {
      return array;
    }
    throw Refusal.invalid("", "the body must be a JSON list");
  }

  private static JsonNode read(byte[] body) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    } catch (CharacterCodingException e) {
      throw Refusal.invalid("", "the body is not UTF-8 text");
    }
    try {
      return MAPPER.readTree(text);
    } catch (JacksonException e) {
      throw Refusal.invalid("", "the body is not valid JSON: %s (line %d, column %d)".formatted(e.getOriginalMessage().lines().findFirst().orElse(""),
          e.getLocation() == null ? 0 : e.getLocation().getLineNr(), e.getLocation() == null ? 0 : e.getLocation().getColumnNr()));
    }
  }

  /** An empty object. */
  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** Any value as JSON. */
  public static JsonNode tree(Object value) {
    return MAPPER.valueToTree(value);
  }

  /** A value as Java's lists, maps, texts and numbers. */
  public static Object plain(JsonNode node) {
    return MAPPER.convertValue(node, Object.class);
  }

  /** As bytes on one line. */
  public static byte[] bytes(JsonNode node) {
    try {
      return MAPPER.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
