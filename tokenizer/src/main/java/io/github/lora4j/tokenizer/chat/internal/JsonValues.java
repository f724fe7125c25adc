package io.github.lora4j.tokenizer.chat.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.vector.ConfigException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** JSON as values. */
final class JsonValues {

  private static final int MAX_DEPTH = 200;

  private JsonValues() {}

  /** A message, which is an object, with the place of each of its texts. */
  static Value message(JsonNode node, int index) {
    if (!node.isObject()) {
      throw new ConfigException("message " + index + " of a conversation is no object but " + node.getNodeType().toString().toLowerCase(Locale.ROOT));
    }
    Dict dict = (Dict) of(node, Origin.field(index, ""), 0);
    return new Dict(dict.entries(), index, dict.origin());
  }

  /** What belongs to no message. */
  static Value of(JsonNode node) {
    return of(node, Origin.LITERAL, 0);
  }

  /** As part of a message whose origin is given. */
  static Value of(JsonNode node, Origin origin) {
    return of(node, origin, 0);
  }

  private static Value of(JsonNode node, Origin origin, int depth) {
    if (depth > MAX_DEPTH) {
      throw new ConfigException("a conversation's JSON is nested more than " + MAX_DEPTH + " levels deep");
    }
    return switch (node.getNodeType()) {
      case STRING -> Str.of(node.textValue(), origin);
      case BOOLEAN -> Value.Bool.of(node.booleanValue());
      case NUMBER -> number(node);
      case NULL, MISSING -> Value.None.NONE;
      case ARRAY -> {
        List<Value> values = new ArrayList<>(node.size());
        for (JsonNode element : node) {
          values.add(of(element, origin.member(String.valueOf(values.size())), depth + 1));
        }
        yield new Items(Items.Kind.LIST, values, origin);
      }
      case OBJECT -> {
        Map<Value, Value> entries = Dict.entries(node.size());
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
          Origin member = origin.member(entry.getKey());
          entries.put(Str.of(entry.getKey(), member.member("#key")), of(entry.getValue(), member, depth + 1));
        }
        yield new Dict(entries, -1, origin);
      }
      case BINARY, POJO -> throw new ConfigException("a conversation's JSON has a value of type " + node.getNodeType());
    };
  }

  private static Value number(JsonNode node) {
    if (!node.isIntegralNumber()) {
      return new Value.Real(node.doubleValue());
    }
    return new Value.Int(node.canConvertToLong() ? BigInteger.valueOf(node.longValue()) : node.bigIntegerValue());
  }
}
