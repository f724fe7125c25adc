package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.tokenizer.chat.Rendered;
import io.github.lora4j.tokenizer.chat.Span;
import io.github.lora4j.vector.Lora4jException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Conversations rendered by transformers with published templates: texts, errors and generation spans. */
class GoldenChatTest {

  @TestFactory
  Stream<DynamicTest> chat() {
    return cases("chat");
  }

  /** Templates under licences that do not allow copying; there only where the folder is given. */
  @TestFactory
  Stream<DynamicTest> restricted() {
    return cases("chat_restricted");
  }

  private static Stream<DynamicTest> cases(String folder) {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path file : GoldenCases.jsonFiles(folder)) {
      JsonNode set = GoldenCases.json(file);
      for (JsonNode c : set.path("cases")) {
        checks.put(GoldenCases.name(file) + "/" + c.path("conversation").textValue() + " " + c.path("options"), () -> check(set, c));
      }
    }
    return GoldenCases.tests(folder, checks);
  }

  private static void check(JsonNode set, JsonNode c) {
    ChatTemplate template = ChatTemplate.of(set.path("template").textValue(), set.path("name").textValue());
    Chat chat = conversation(set, c);
    JsonNode error = c.path("error");
    if (!error.isMissingNode()) {
      String message = assertThrows(Lora4jException.class, () -> template.render(chat)).getMessage();
      if (error.path("by").textValue().equals("template")) {
        assertTrue(message.endsWith(": " + error.path("message").textValue()), message);
      }
      return;
    }
    Rendered rendered = template.render(chat);
    assertEquals(c.path("text").textValue(), rendered.text());
    if (c.has("generation_spans")) {
      assertEquals(spans(c, rendered.text()), rendered.generation());
    }
  }

  /** The recorded spans, which count code points. */
  private static List<Span> spans(JsonNode c, String text) {
    List<Span> spans = new ArrayList<>();
    for (JsonNode span : c.path("generation_spans")) {
      spans.add(new Span(text.offsetByCodePoints(0, span.get(0).intValue()), text.offsetByCodePoints(0, span.get(1).intValue())));
    }
    return spans;
  }

  private static Chat conversation(JsonNode set, JsonNode c) {
    JsonNode conversation = set.path("conversations").path(c.path("conversation").textValue());
    Map<String, String> tokens = new LinkedHashMap<>();
    set.path("special_tokens").properties().forEach(token -> {
      if (token.getValue().isTextual()) {
        tokens.put(token.getKey(), token.getValue().textValue());
      }
    });
    Chat chat = Chat.of(list(conversation.path("messages"))).withTools(list(conversation.path("tools")))
        .withDocuments(list(conversation.path("documents"))).withSpecialTokens(tokens);
    if (set.path("now").isTextual()) {
      chat = chat.withNow(LocalDateTime.parse(set.path("now").textValue()));
    }
    for (Map.Entry<String, JsonNode> option : c.path("options").properties()) {
      chat = switch (option.getKey()) {
        case "add_generation_prompt" -> option.getValue().booleanValue() ? chat.withEnding(Chat.Ending.GENERATION_PROMPT) : chat;
        case "continue_final_message" -> option.getValue().booleanValue() ? chat.withEnding(Chat.Ending.CONTINUE_FINAL_MESSAGE) : chat;
        default -> chat.withVariable(option.getKey(), option.getValue());
      };
    }
    return chat;
  }

  private static List<JsonNode> list(JsonNode array) {
    List<JsonNode> list = new ArrayList<>();
    array.forEach(list::add);
    return list;
  }
}
