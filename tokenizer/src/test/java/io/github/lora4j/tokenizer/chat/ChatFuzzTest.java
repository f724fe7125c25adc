package io.github.lora4j.tokenizer.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Broken templates end with a text or with one of two errors, never with another one; {@code -Dfuzz.templates=100000} tries more of them. */
class ChatFuzzTest {

  private static final String[] WORDS = {
      "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "~", "|", "(", ")", "[", "]", "{", "}", ":", ",", ".", "'", "\"", "\\", "\n", " ", "*",
      "**", "/", "//", "%", "==", "<", " in ", " not ", " is ", " if ", " else ", " and ", " or ", "none", "true", "0", "9", "-1", "1e9",
      "messages", "m", "loop", "ns", "|tojson", "|length", "|list", "|map('upper')", "|join(',')", "|trim", "|int", "|sort", "|first",
      "[::-1]", "[1:]", "[0]", ".content", ".split()", ".items()", "range(99)", "{% endif %}", "{% endfor %}", "{% for m in messages %}",
      "{% if m %}", "{% set x = 1 %}", "{% macro f(a) %}", "{% endmacro %}", "{{ f(1) }}", "{% break %}", "🌍", "\u0000", "é", "'a'"};

  @Test
  void mutatedTemplates() throws IOException {
    JsonNode recorded = new ObjectMapper().readTree(ChatFuzzTest.class.getResource("/chat/jinja.json"));
    List<String> sources = new ArrayList<>();
    recorded.path("cases").forEach(c -> sources.add(c.path("template").textValue()));
    List<JsonNode> messages = new ArrayList<>();
    recorded.path("context").path("messages").forEach(messages::add);
    Chat chat = Chat.of(messages).withNow(LocalDateTime.of(2025, 3, 4, 5, 6));
    for (var variable : recorded.path("context").properties()) {
      chat = variable.getKey().equals("messages") ? chat : chat.withVariable(variable.getKey(), variable.getValue());
    }
    Random random = new Random(Long.getLong("fuzz.seed", 7));
    int rendered = 0;
    int count = Integer.getInteger("fuzz.templates", 3000);
    for (int i = 0; i < count; i++) {
      String source = mutated(random, sources);
      try {
        ChatTemplate template = ChatTemplate.of(source, "t", new Limits(200_000, 100, 1 << 20));
        Rendered result = template.render(i % 3 == 0 ? chat.withEnding(Chat.Ending.CONTINUE_FINAL_MESSAGE) : chat);
        result.answers(i % 2 == 0);
        result.missing();
        result.generation();
        rendered++;
      } catch (ConfigException | FormatException e) {
        continue;
      } catch (RuntimeException | Error e) {
        throw new AssertionError("template " + i + ": " + source, e);
      }
    }
    System.out.println("fuzz: " + count + " templates, " + rendered + " rendered");
  }

  private static String mutated(Random random, List<String> sources) {
    StringBuilder source = new StringBuilder(sources.get(random.nextInt(sources.size())));
    if (random.nextInt(3) == 0) {
      source.append(sources.get(random.nextInt(sources.size())));
    }
    for (int edits = random.nextInt(4); edits >= 0; edits--) {
      int at = random.nextInt(source.length() + 1);
      int end = Math.min(source.length(), at + random.nextInt(6));
      switch (random.nextInt(4)) {
        case 0 -> source.delete(at, end);
        case 1 -> source.insert(at, WORDS[random.nextInt(WORDS.length)]);
        case 2 -> source.replace(at, end, WORDS[random.nextInt(WORDS.length)]);
        default -> {
          String other = sources.get(random.nextInt(sources.size()));
          int from = random.nextInt(other.length());
          source.insert(at, other, from, Math.min(other.length(), from + 12));
        }
      }
    }
    return source.toString();
  }
}
