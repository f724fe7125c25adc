package io.github.lora4j.tokenizer.chat.internal;

import java.util.LinkedHashMap;
import java.util.Map;

/** What {@code namespace()} makes: variables that loops can set. */
final class Namespace implements Value {

  private final Map<String, Value> variables = new LinkedHashMap<>();

  Value get(String name) {
    Value value = variables.get(name);
    return value == null ? Undefined.member(this, name) : value;
  }

  void set(String name, Value value) {
    variables.put(name, value);
  }
}
