package io.github.lora4j.tokenizer.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;

/** Reads the arguments of tool calls that are given as texts. */
final class ToolArguments {

  private static final ObjectMapper MAPPER = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private ToolArguments() {}

  static List<JsonNode> parsed(List<JsonNode> messages) {
    List<JsonNode> parsed = new ArrayList<>();
    for (JsonNode message : messages) {
      parsed.add(message.path("tool_calls").isArray() ? parsed(message, parsed.size()) : message);
    }
    return parsed;
  }

  private static JsonNode parsed(JsonNode message, int index) {
    JsonNode copy = message.deepCopy();
    for (JsonNode call : copy.path("tool_calls")) {
      JsonNode holder = call.path("function").isObject() ? call.path("function") : call;
      JsonNode arguments = holder.path("arguments");
      if (holder instanceof ObjectNode function && arguments.isTextual()) {
        try {
          function.set("arguments", MAPPER.readTree(arguments.textValue().isBlank() ? "{}" : arguments.textValue()));
        } catch (JsonProcessingException e) {
          throw new FormatException("message %d: the arguments of the tool call %s are not JSON: %s".formatted(index, holder.path("name").asText(),
              e.getOriginalMessage()), e);
        }
      }
    }
    return copy;
  }
}
