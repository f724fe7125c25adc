package io.github.lora4j.tokenizer.chat;

import io.github.lora4j.tokenizer.chat.internal.Trace;
import java.util.List;

/** Finds the assistant's words. */
final class Answers {

  private Answers() {}

  static List<Answer> of(ChatTemplate template, Chat chat, Trace trace, boolean lineBreak) {
    throw new UnsupportedOperationException();
  }
}
