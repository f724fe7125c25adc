package io.github.lora4j.langchain4j;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.TokenCountEstimator;
import io.github.lora4j.LanguageModel;
import io.github.lora4j.LocalModel;
import java.util.List;
import java.util.Objects;
import java.util.stream.StreamSupport;

/**
 * Counts tokens as the model does: of a text without special ones, of messages as the chat template writes them, with the header of the answer. For
 * any thread.
 */
public final class Lora4jTokenCountEstimator implements TokenCountEstimator {

  private final LanguageModel voice;

  private Lora4jTokenCountEstimator(LanguageModel voice) {
    this.voice = Objects.requireNonNull(voice, "model");
  }

  /** Of a model. */
  public static Lora4jTokenCountEstimator of(LocalModel model) {
    return new Lora4jTokenCountEstimator(model);
  }

  @Override
  public int estimateTokenCountInText(String text) {
    return voice.countTokens(text);
  }

  @Override
  public int estimateTokenCountInMessage(ChatMessage message) {
    return estimateTokenCountInMessages(List.of(message));
  }

  @Override
  public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
    return StreamSupport.stream(messages.spliterator(), false).findAny().isEmpty() ? 0 : voice.countChatTokens(Conversation.of(messages));
  }
}
