package io.github.lora4j.tokenizer.chat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.chat.internal.Trace;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Finds what a template left out of the messages. */
final class Lost {

  /** The fields that hold what was said; others, such as name or tool_call_id, are often not for the text. */
  private static final Set<String> FIELDS = Set.of("content", "reasoning_content", "reasoning", "thinking", "tool_calls");
  /** What stands in a tool call or a block besides what was said. */
  private static final Set<String> ASIDE = Set.of("id", "type", "index");

  private Lost() {}

  static List<Missing> of(Chat chat, Trace trace) {
    List<Missing> missing = new ArrayList<>();
    for (int message = 0; message < chat.messages().size(); message++) {
      Map<String, String> texts = new LinkedHashMap<>();
      JsonNode node = chat.messages().get(message);
      node.properties().stream().filter(field -> FIELDS.contains(field.getKey())).forEach(field -> collect(field.getKey(), field.getValue(), texts));
      Map<String, BitSet> reached = new LinkedHashMap<>();
      texts.keySet().forEach(path -> reached.put(path, new BitSet()));
      trace.mark(message, reached);
      for (Map.Entry<String, String> text : texts.entrySet()) {
        String lost = lost(text.getValue(), reached.getOrDefault(text.getKey(), new BitSet()));
        if (!lost.isEmpty()) {
          String path = text.getKey();
          missing.add(new Missing(message, path.indexOf('/') < 0 ? path : path.substring(0, path.indexOf('/')), lost));
        }
      }
    }
    return missing;
  }

  private static void collect(String path, JsonNode node, Map<String, String> texts) {
    if (node.isTextual()) {
      texts.put(path, node.textValue());
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        collect(path + '/' + i, node.get(i), texts);
      }
    } else {
      boolean arguments = path.contains("arguments");
      node.properties().stream().filter(field -> arguments || !ASIDE.contains(field.getKey()))
          .forEach(field -> collect(path + '/' + field.getKey(), field.getValue(), texts));
    }
  }

  /** From the first char that is missing to the last one, blanks aside. */
  private static String lost(String text, BitSet reached) {
    int first = -1;
    int last = -1;
    for (int i = 0; i < text.length(); i++) {
      if (!reached.get(i) && !Character.isWhitespace(text.charAt(i)) && !Character.isSpaceChar(text.charAt(i))) {
        first = first < 0 ? i : first;
        last = i;
      }
    }
    return first < 0 ? "" : text.substring(first, last + 1);
  }
}
