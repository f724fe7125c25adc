package io.github.lora4j.checkpoint.internal;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** JSON of untrusted files, token by token: strict UTF-8, no duplicate keys, limits on depth, names, strings and numbers. */
final class StrictJson {

  private static final JsonFactory FACTORY = JsonFactory.builder()
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
      .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
      .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
      .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
      .streamReadConstraints(StreamReadConstraints.builder()
          .maxNestingDepth(16)
          .maxNameLength(4096)
          .maxStringLength(20_000_000)
          .maxNumberLength(40)
          .build())
      .build();

  private StrictJson() {}

  static JsonParser parser(byte[] utf8) throws IOException {
    // A Reader keeps Jackson from guessing UTF-16 or UTF-32; the decoder refuses malformed input instead of replacing it.
    return FACTORY.createParser(new InputStreamReader(
        new ByteArrayInputStream(utf8),
        StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT)));
  }

  static void expect(JsonParser in, JsonToken got, JsonToken expected, String what) throws IOException {
    if (got != expected) {
      throw new JsonParseException(in, what + ": expected " + expected + ", got " + got);
    }
  }

  /** The next value, an object whose values are all strings. */
  static SequencedMap<String, String> strings(JsonParser in, String what) throws IOException {
    expect(in, in.nextToken(), JsonToken.START_OBJECT, what);
    SequencedMap<String, String> result = new LinkedHashMap<>();
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String key = in.currentName();
      expect(in, in.nextToken(), JsonToken.VALUE_STRING, what + ": " + key);
      result.put(key, in.getText());
    }
    return result;
  }

  /** The next value, an array of at most {@code most} whole numbers. */
  static List<Long> longs(JsonParser in, int most, String what) throws IOException {
    expect(in, in.nextToken(), JsonToken.START_ARRAY, what);
    List<Long> result = new ArrayList<>();
    while (in.nextToken() != JsonToken.END_ARRAY) {
      expect(in, in.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
      if (result.size() == most) {
        throw new JsonParseException(in, what + ": more than " + most + " numbers");
      }
      result.add(in.getLongValue());
    }
    return result;
  }

  /** Checks that nothing follows. */
  static void end(JsonParser in) throws IOException {
    if (in.nextToken() != null) {
      throw new JsonParseException(in, "something follows the closing brace");
    }
  }

  static String reason(IOException e) {
    return switch (e) {
      case JsonProcessingException json -> "JSON: " + json.getOriginalMessage()
          + (json.getLocation() == null ? "" : " (character " + json.getLocation().getCharOffset() + ")");
      case CharacterCodingException coding -> "not UTF-8";
      default -> e.toString();
    };
  }
}
