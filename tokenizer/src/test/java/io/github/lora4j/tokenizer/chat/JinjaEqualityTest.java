package io.github.lora4j.tokenizer.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every construct against what jinja2 3.1.6 made of it in the environment of transformers: the same text, or an error where it had one. */
class JinjaEqualityTest {

  @Test
  void sameTextOrAnError() throws IOException {
    JsonNode recorded = new ObjectMapper().readTree(JinjaEqualityTest.class.getResource("/chat/jinja.json"));
    List<JsonNode> messages = new ArrayList<>();
    recorded.path("context").path("messages").forEach(messages::add);
    Chat chat = Chat.of(messages).withNow(LocalDateTime.of(2025, 3, 4, 5, 6, 7));
    for (Map.Entry<String, JsonNode> variable : recorded.path("context").properties()) {
      chat = variable.getKey().equals("messages") ? chat : chat.withVariable(variable.getKey(), variable.getValue());
    }
    List<String> different = new ArrayList<>();
    List<String> outside = new ArrayList<>();
    int equal = 0;
    for (JsonNode c : recorded.path("cases")) {
      String source = c.path("template").textValue();
      String expected = c.has("error") ? "an error: " + c.path("error").textValue() : c.path("text").textValue();
      try {
        String text = ChatTemplate.of(source, "t").render(chat).text();
        if (c.has("error") || !text.equals(expected)) {
          different.add(source + "\n  expected " + expected + "\n  got      " + text);
        } else {
          equal++;
        }
      } catch (ConfigException | FormatException e) {
        assertTrue(e.getMessage().startsWith("t, line ") || e.getMessage().startsWith("t: "), e.getMessage());
        if (c.has("error")) {
          equal++;
        } else if (e.getMessage().endsWith("is outside the subset of Jinja that is supported")) {
          outside.add(source + ": " + e.getMessage());
        } else {
          different.add(source + "\n  expected " + expected + "\n  error    " + e.getMessage());
        }
      }
    }
    outside.forEach(System.out::println);
    System.out.println(equal + " equal, " + outside.size() + " outside");
    assertEquals(List.of(), different, String.join("\n", different));
  }
}
