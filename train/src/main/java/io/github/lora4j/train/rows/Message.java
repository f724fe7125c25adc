package io.github.lora4j.train.rows;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A message as chat templates see it.
 *
 * @param role "system", "developer", "user", "assistant" or "tool"
 * @param fields all it has, as JSON values in their order: role, content, tool_calls, name and others
 * @param trains whether an assistant's message is to be learnt: not where its weight is 0
 */
public record Message(String role, Map<String, Object> fields, boolean trains) {

  /** Keeps the order of the fields. */
  public Message {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** A message of a text. */
  public static Message of(String role, String content) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    return new Message(role, fields, true);
  }

  /** Whether the assistant says it. */
  public boolean ofAssistant() {
    return role.equals("assistant");
  }

  /** Its text; empty for a call of a function alone. */
  public String content() {
    return fields.get("content") instanceof String text ? text : "";
  }
}
