package io.github.lora4j.serve.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Refusal;
import java.util.ArrayList;
import java.util.List;

/** OpenAI's messages as a template takes them: contents as texts. */
final class Messages {

  private static final int MOST = 10_000;
  private static final List<String> ROLES = List.of("system", "developer", "user", "assistant", "tool");

  private Messages() {}

  static List<JsonNode> read(Fields body) {
    if (body.any("messages").isEmpty()) {
      throw Refusal.invalid("messages", "'messages' is required");
    }
    List<JsonNode> all = new ArrayList<>();
    for (Fields message : body.objects("messages", MOST)) {
      all.add(message(message));
    }
    if (all.isEmpty()) {
      throw Refusal.invalid("messages", "'messages' is empty; give at least one");
    }
    return all;
  }

  private static JsonNode message(Fields message) {
    String role = message.required("role");
    if (!ROLES.contains(role)) {
      message.wrong("role", "one of " + String.join(", ", ROLES), message.node().get("role"));
    }
    ObjectNode of = message.node().objectNode();
    // What OpenAI renamed for its own models; templates know the old name.
    of.put("role", role.equals("developer") ? "system" : role);
    boolean calls = message.any("tool_calls").isPresent();
    if (message.any("content").isEmpty() && !(role.equals("assistant") && calls)) {
      throw Refusal.invalid(message.path() + "content", "'%scontent' is required".formatted(message.path()));
    }
    of.put("content", message.any("content").map(content -> text(message, content)).orElse(""));
    message.any("tool_calls").ifPresent(given -> {
      if (!given.isArray()) {
        message.wrong("tool_calls", "a list", given);
      }
      for (Fields call : message.objects("tool_calls", MOST)) {
        Fields function = call.object("function").orElseThrow(() -> Refusal.invalid(call.path() + "function", "'%sfunction' is required".formatted(
            call.path())));
        function.required("name");
      }
      of.set("tool_calls", given);
    });
    message.text("name").ifPresent(name -> of.put("name", name));
    message.text("tool_call_id").ifPresent(id -> of.put("tool_call_id", id));
    message.text("reasoning_content").ifPresent(thoughts -> of.put("reasoning_content", thoughts));
    message.ignore("refusal", "annotations", "audio").end();
    return of;
  }

  /** A text, or the texts of parts. */
  private static String text(Fields message, JsonNode content) {
    if (content.isTextual()) {
      return content.textValue();
    }
    if (!content.isArray()) {
      message.wrong("content", "a string or a list of parts", content);
    }
    StringBuilder text = new StringBuilder();
    for (Fields part : message.objects("content", MOST)) {
      String type = part.required("type");
      if (!type.equals("text")) {
        throw Refusal.invalid(part.path() + "type", "'%stype' is \"%s\"; models here read text only".formatted(part.path(), type));
      }
      text.append(part.text("text").orElseThrow(() -> Refusal.invalid(part.path() + "text", "'%stext' is required".formatted(part.path()))));
      part.end();
    }
    return text.toString();
  }
}
