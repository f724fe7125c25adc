package io.github.lora4j.tokenizer.chat.internal;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A dict, in insertion order. Not changed after it was made.
 *
 * @param entries keys (scalars) and values
 * @param message index of the message that this is; -1 if it is none
 * @param origin where a dict of a message lies
 */
record Dict(Map<Value, Value> entries, int message, Origin origin) implements Value {

  static Dict of(Map<Value, Value> entries) {
    return new Dict(entries, turn(entries), Origin.LITERAL);
  }

  /** A dict that a template makes of a message, to loop over it later, counts as that message. */
  private static int turn(Map<Value, Value> entries) {
    if (entries.get(ROLE) != null && entries.get(CONTENT) instanceof Str content) {
      for (int run = 0; run < content.runs(); run++) {
        if (!content.origin(run).literal()) {
          return content.origin(run).message();
        }
      }
    }
    return -1;
  }

  private static final Str ROLE = Str.literal("role");
  private static final Str CONTENT = Str.literal("content");

  Optional<Value> find(String key) {
    return Optional.ofNullable(entries.get(Str.literal(key)));
  }

  static Map<Value, Value> entries(int size) {
    return new LinkedHashMap<>(Math.max(4, 2 * size));
  }
}
