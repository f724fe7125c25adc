package io.github.lora4j.train.rows;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A message as chat templates see it.
 *
 * @param role "system", "developer", "user", "assistant" or "tool"
 * @param fields all it has, as JSON values in their order: role, content, tool_calls, name and others
 * @param weight what each token of an assistant's message counts in the loss; 0: it is not learnt
 */
public record Message(String role, Map<String, Object> fields, double weight) {

  /** Keeps the order of the fields. */
  public Message {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  /** A message of a text. */
  public static Message of(String role, String content) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    return new Message(role, fields, 1);
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
