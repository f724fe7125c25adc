package io.github.lora4j.tokenizer.chat.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code continue_final_message}, as transformers does it: a mark is put behind the last message's text, and the rendered text cut there. The mark
 * ends with a blank; if the template strips that, it would have stripped the text as well.
 */
final class Continuation {

  private static final String MARK = "CONTINUE_FINAL_MESSAGE_TAG";

  private Continuation() {}

  static Chat tagged(Chat chat) {
    if (chat.messages().isEmpty() || !(chat.messages().getLast() instanceof ObjectNode last)) {
      throw new ConfigException("a conversation without messages has no final message to continue");
    }
    ObjectNode copy = last.deepCopy();
    JsonNode content = copy.path("content");
    if (content.isTextual()) {
      copy.put("content", content.textValue() + MARK + " ");
    } else {
      ObjectNode block = block(content);
      block.put("text", block.get("text").textValue() + MARK + " ");
    }
    List<JsonNode> messages = new ArrayList<>(chat.messages());
    messages.set(messages.size() - 1, copy);
    return chat.withMessages(messages).withEnding(Chat.Ending.COMPLETE);
  }

  /** The last block of a content that has a text. */
  private static ObjectNode block(JsonNode content) {
    if (content instanceof ArrayNode blocks) {
      for (int i = blocks.size() - 1; i >= 0; i--) {
        if (blocks.get(i) instanceof ObjectNode block && block.path("text").isTextual()) {
          return block;
        }
      }
    }
    throw new ConfigException("the final message has no text to continue, its content is " + content);
  }

  static Trace cut(String name, Chat chat, Trace rendered) {
    JsonNode content = chat.messages().getLast().path("content");
    String text = content.isTextual() ? content.textValue() : block(content).get("text").textValue();
    String all = rendered.text();
    int at = all.lastIndexOf(MARK);
    if (at < 0 || !all.contains(Trimming.strip(Str.literal(text), Value.None.NONE, true, true).text())) {
      throw new ConfigException(name + ": the final message cannot be continued, for the template changes its text or leaves it out");
    }
    if (!all.startsWith(MARK + " ", at)) {
      while (at > 0 && Source.space(all.charAt(at - 1))) {
        at--;
      }
    }
    return rendered.cut(at);
  }
}
