package io.github.lora4j.train.rows;

import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads messages of OpenAI's form ("role", "content") and of ShareGPT's ("from", "value").
 *
 * @param roles names of roles as they occur, to those of templates
 */
record Messages(Map<String, String> roles) {

  private static final Map<String, String> KNOWN = Map.ofEntries(Map.entry("system", "system"), Map.entry("developer", "developer"),
      Map.entry("human", "user"), Map.entry("user", "user"), Map.entry("gpt", "assistant"), Map.entry("assistant", "assistant"),
      Map.entry("model", "assistant"), Map.entry("bot", "assistant"), Map.entry("chatgpt", "assistant"), Map.entry("tool", "tool"),
      Map.entry("observation", "tool"), Map.entry("function", "tool"), Map.entry("function_call", "function_call"));

  /** The messages of a column. */
  List<Message> of(Fields row, String column) {
    List<Message> messages = new ArrayList<>();
    for (Object item : row.list(column)) {
      messages.add(one(row.inside("message %d of \"%s\"".formatted(messages.size() + 1, column), item)));
    }
    if (messages.isEmpty()) {
      throw row.wrong("\"%s\" has no messages".formatted(column));
    }
    return messages;
  }

  /** A column of one message, or of many. */
  List<Message> several(Fields row, String column) {
    return row.get(column) instanceof Map<?, ?> item ? List.of(one(row.inside("\"%s\"".formatted(column), item))) : of(row, column);
  }

  private Message one(Fields item) {
    boolean shareGpt = item.has("from");
    String role = role(item, item.text(shareGpt ? "from" : "role"));
    if (role.equals("function_call")) {
      return call(item);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", shareGpt ? item.optional("value") : content(item));
    item.values().forEach((key, value) -> {
      // Parquet gives every message the same fields, so that a message without calls has an empty list of them.
      boolean noCalls = key.equals("tool_calls") && value instanceof List<?> none && none.isEmpty();
      if (value != null && !noCalls && !List.of("role", "from", "content", "value", "weight").contains(key)) {
        fields.put(key, key.equals("tool_calls") ? calls(item) : value);
      }
    });
    if (fields.get("content").equals("") && role.equals("assistant") && !fields.containsKey("tool_calls")) {
      throw item.wrong("an assistant's message has neither content nor tool_calls");
    }
    return new Message(role, fields, item.weight());
  }

  private String role(Fields item, String name) {
    String role = roles.getOrDefault(name, KNOWN.getOrDefault(name, ""));
    if (role.isEmpty()) {
      Map<String, String> all = new TreeMap<>(KNOWN);
      all.putAll(roles);
      throw item.wrong("unknown role \"%s\"; known are %s (a name of your own: data.roles: [%s=assistant])".formatted(Names.printable(name),
          all.keySet(), Names.printable(name)));
    }
    return role;
  }

  /** A text, the texts of a list of parts, or nothing beside calls of functions. */
  private static String content(Fields item) {
    if (!item.has("content")) {
      return "";
    }
    if (!(item.get("content") instanceof List<?> parts)) {
      return item.text("content");
    }
    StringBuilder text = new StringBuilder();
    for (Object part : parts) {
      Fields of = item.inside("a part of \"content\"", part);
      if (!of.text("type").equals("text")) {
        throw of.wrong("parts of type \"%s\" cannot be trained on, only text".formatted(Names.printable(of.text("type"))));
      }
      text.append(of.text("text"));
    }
    return text.toString();
  }

  /** Arguments as an object, which OpenAI's files hold as JSON text. */
  private static List<Object> calls(Fields item) {
    List<Object> calls = new ArrayList<>();
    for (Object call : item.list("tool_calls")) {
      Fields of = item.inside("a call of \"tool_calls\"", call);
      Map<String, Object> copy = new LinkedHashMap<>(of.values());
      if (of.has("function")) {
        copy.put("function", parsed(of.inside("its function", of.get("function"))));
        calls.add(copy);
      } else {
        calls.add(parsed(of));
      }
    }
    return calls;
  }

  private static Map<String, Object> parsed(Fields function) {
    Map<String, Object> copy = new LinkedHashMap<>(function.values());
    function.text("name");
    if (copy.get("arguments") instanceof String text) {
      copy.put("arguments", text.isBlank() ? Map.of() : function.json("arguments", text));
    }
    return copy;
  }

  /** ShareGPT's call of a function: JSON text of its name and arguments. */
  private static Message call(Fields item) {
    Object value = item.get("value");
    Object json = value instanceof String text ? item.json("value", text) : value;
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", "assistant");
    fields.put("content", "");
    List<?> all = json instanceof List<?> list ? list : List.of(json);
    List<Object> calls = new ArrayList<>();
    for (Object one : all) {
      Map<String, Object> call = new LinkedHashMap<>();
      call.put("type", "function");
      call.put("function", parsed(item.inside("its call", one)));
      calls.add(call);
    }
    fields.put("tool_calls", calls);
    return new Message("assistant", fields, item.weight());
  }
}
