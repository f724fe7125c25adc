package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.chat.Answer;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.tokenizer.chat.Rendered;
import io.github.lora4j.tokenizer.chat.Span;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Conversations rendered by transformers with published templates: texts, errors, generation spans, token ids and assistant masks. */
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
        String name = GoldenCases.name(file) + "/" + c.path("conversation").textValue() + " " + c.path("options").toString().replace(":", "=");
        checks.put(name, () -> check(set, c));
        if (c.has("ids")) {
          checks.put(name + ": ids", () -> ids(file, set, c));
        }
      }
    }
    return GoldenCases.tests(folder, checks);
  }

  private static void check(JsonNode set, JsonNode c) {
    ChatTemplate template = template(set);
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
    if (chat.ending() == Chat.Ending.COMPLETE) {
      answers(chat, rendered, template.marksAnswers());
    }
  }

  /**
   * The answers found by provenance hold the assistants' contents and, where the template marks them, lie inside of the marks, whose rest is nothing
   * that an assistant said: TRL's marks of gpt-oss and DeepSeek begin before the header, those of Qwen2.5 at its line break.
   */
  private static void answers(Chat chat, Rendered rendered, boolean marked) {
    BitSet left = new BitSet();
    rendered.generation().forEach(span -> left.set(span.start(), span.end()));
    BitSet marks = (BitSet) left.clone();
    Map<Integer, String> texts = new LinkedHashMap<>();
    for (Answer answer : rendered.answers()) {
      texts.put(answer.message(), rendered.text().substring(answer.start(), answer.end()));
      assertTrue(!marked || marks.nextClearBit(answer.start()) >= answer.end(), "an answer lies outside of the marks: " + texts);
      left.clear(answer.start(), answer.end());
    }
    left.stream().forEach(i -> assertTrue(rendered.literal(i) || rendered.field(i).equals("role"), "said by an assistant, but in no answer: " + i));
    for (int i = 0; i < chat.messages().size(); i++) {
      JsonNode message = chat.messages().get(i);
      int index = i;
      boolean lost = rendered.missing().stream().anyMatch(missing -> missing.message() == index);
      if (message.path("role").asText().equals("assistant") && message.path("content").isTextual() && !lost) {
        for (String word : message.path("content").textValue().strip().split("\\s+")) {
          assertTrue(texts.getOrDefault(i, "").contains(word), "'" + word + "' is not in the answer: " + texts);
        }
      }
    }
  }

  private static void ids(Path file, JsonNode set, JsonNode c) throws IOException {
    Tokenizer tokenizer = ChatTokenizers.of(file, set.path("tokenizer"));
    Rendered rendered = template(set).render(conversation(set, c));
    Encoding encoding = tokenizer.encode(rendered.text(), false);
    assertArrayEquals(ints(c.path("ids")), encoding.ids());
    if (c.has("assistant_mask")) {
      int[] mask = new int[encoding.length()];
      for (Span span : rendered.generation()) {
        Arrays.fill(mask, holding(encoding, span.start()), holding(encoding, span.end() - 1) + 1, 1);
      }
      assertArrayEquals(ints(c.path("assistant_mask")), mask);
    }
  }

  /** The first token that holds a char. */
  private static int holding(Encoding encoding, int index) {
    int token = 0;
    while (index < encoding.starts()[token] || index >= encoding.ends()[token]) {
      token++;
    }
    return token;
  }

  private static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.get(i).intValue()).toArray();
  }

  private static ChatTemplate template(JsonNode set) {
    return ChatTemplate.of(set.path("template").textValue(), set.path("name").textValue());
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
