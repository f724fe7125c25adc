package io.github.lora4j.tokenizer.internal.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** A value of a JSON file that knows where it lies, so that a wrong one can be named. */
public record Json(Path file, String where, JsonNode node) {

  // Vocabularies are objects of many keys: Jackson would keep each for the next file, and count them once more to find one that is there twice.
  private static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
      .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
      .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).maxNameLength(1 << 16).build())
      .build()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS, DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);

  public static Json read(Path file) {
    try {
      Json json = new Json(file, "", MAPPER.readTree(Inputs.text(file)));
      return json.expect(json.node.isObject(), "a JSON object");
    } catch (JsonProcessingException e) {
      String place = e.getLocation() == null ? "" : " (line " + e.getLocation().getLineNr() + ")";
      throw new FormatException(file + ": JSON: " + e.getOriginalMessage() + place, e);
    }
  }

  /** An object without members, where a file is missing that need not be there. */
  public static Json empty(Path file) {
    return new Json(file, "", JsonNodeFactory.instance.objectNode());
  }

  /** The member, which must be there. */
  public Json get(String key) {
    return find(key).orElseThrow(() -> broken("has no " + key));
  }

  /** The member, unless it is missing or null. */
  public Optional<Json> find(String key) {
    JsonNode member = node.get(key);
    return member == null || member.isNull() ? Optional.empty() : Optional.of(new Json(file, where + "/" + key, member));
  }

  public List<Json> elements() {
    return IntStream.range(0, size()).mapToObj(this::element).toList();
  }

  /** Elements of an array. */
  public int size() {
    return expect(node.isArray(), "an array").node.size();
  }

  /** One of an array, from 0. */
  public Json element(int at) {
    return new Json(file, where + "/" + at, node.get(at));
  }

  public String text() {
    return expect(node.isTextual(), "a string").node.textValue();
  }

  public int number() {
    return expect(node.isInt() && node.intValue() >= 0, "a whole number from 0").node.intValue();
  }

  public boolean flag() {
    return expect(node.isBoolean(), "true or false").node.booleanValue();
  }

  public boolean flag(String key, boolean otherwise) {
    return find(key).map(Json::flag).orElse(otherwise);
  }

  /** The type of the component, which must be one of those given. */
  public String type(String... supported) {
    String type = get("type").text();
    if (!List.of(supported).contains(type)) {
      throw broken("is of type " + type + ", supported: " + String.join(", ", supported));
    }
    return type;
  }

  /** The file and the place in it. */
  public String place() {
    return file + ": " + where;
  }

  /** What a reader of a part of this makes; of its complaint the place is said, too. */
  public <T> T checked(Supplier<T> reader) {
    try {
      return reader.get();
    } catch (FormatException e) {
      throw e.getMessage().startsWith(String.valueOf(file)) ? e : broken("is wrong: " + e.getMessage());
    }
  }

  /** A string of one character. */
  public int character() {
    String text = text();
    return expect(!text.isEmpty() && text.codePointCount(0, text.length()) == 1, "one character").text().codePointAt(0);
  }

  /** Any number. */
  public double real() {
    return expect(node.isNumber(), "a number").node.doubleValue();
  }

  public FormatException broken(String problem) {
    return new FormatException(file + ": " + (where.isEmpty() ? "" : where + " ") + problem);
  }

  private Json expect(boolean fine, String expected) {
    if (!fine) {
      String got = node.toString();
      throw broken("should be " + expected + ", is " + (got.length() > 80 ? got.substring(0, 80) + "..." : got));
    }
    return this;
  }
}
