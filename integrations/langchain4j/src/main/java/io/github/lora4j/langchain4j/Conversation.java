package io.github.lora4j.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Messages and tools of langchain4j as a chat template is given them. */
final class Conversation {

  private static final String FUNCTION = "function";

  private Conversation() {}

  static List<Map<String, Object>> of(Iterable<ChatMessage> messages) {
    List<Map<String, Object>> all = new ArrayList<>();
    messages.forEach(message -> all.add(of(message)));
    return all;
  }

  private static Map<String, Object> of(ChatMessage message) {
    Map<String, Object> map = new LinkedHashMap<>();
    switch (message) {
      case SystemMessage system -> put(map, "system", system.text());
      case UserMessage user -> {
        put(map, "user", text(user));
        if (user.name() != null) {
          map.put("name", user.name());
        }
      }
      case AiMessage ai -> {
        put(map, "assistant", ai.text() == null ? "" : ai.text());
        if (ai.hasToolExecutionRequests()) {
          map.put("tool_calls", ai.toolExecutionRequests().stream().map(Conversation::call).toList());
        }
      }
      case ToolExecutionResultMessage result -> {
        put(map, "tool", result.text());
        map.put("name", result.toolName());
        if (result.id() != null) {
          map.put("tool_call_id", result.id());
        }
      }
      case CustomMessage custom -> map.putAll(custom.attributes());
      default -> throw new UnsupportedFeatureException("messages of type " + message.type() + " are not known here");
    }
    return map;
  }

  private static void put(Map<String, Object> map, String role, String content) {
    map.put("role", role);
    map.put("content", content);
  }

  private static String text(UserMessage user) {
    StringBuilder all = new StringBuilder();
    user.contents().forEach(content -> {
      if (!(content instanceof TextContent text)) {
        throw new UnsupportedFeatureException("this model reads texts; a message has content of type " + content.type());
      }
      all.append(all.isEmpty() ? "" : "\n").append(text.text());
    });
    return all.toString();
  }

  private static Map<String, Object> call(ToolExecutionRequest request) {
    Map<String, Object> map = new LinkedHashMap<>();
    if (request.id() != null) {
      map.put("id", request.id());
    }
    map.put("type", FUNCTION);
    map.put(FUNCTION, Map.of("name", request.name(), "arguments", request.arguments() == null ? "{}" : request.arguments()));
    return map;
  }

  static List<Map<String, Object>> tools(List<ToolSpecification> specifications) {
    return specifications.stream().map(Conversation::tool).toList();
  }

  private static Map<String, Object> tool(ToolSpecification specification) {
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", specification.name());
    if (specification.description() != null) {
      function.put("description", specification.description());
    }
    function.put("parameters", specification.parameters() == null ? Map.of("type", "object", "properties", Map.of())
        : JsonSchemaElementUtils.toMap(specification.parameters()));
    return Map.of("type", FUNCTION, FUNCTION, function);
  }
}
