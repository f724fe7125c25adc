package io.github.lora4j.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.github.lora4j.LocalModel;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the builders of both chat models take.
 *
 * @param <B> the builder
 */
public abstract sealed class ChatBuilder<B extends ChatBuilder<B>> permits Lora4jChatModel.Builder, Lora4jStreamingChatModel.Builder {

  private final Lora4jChatRequestParameters.Builder parameters = Lora4jChatRequestParameters.builder();
  private @Nullable LocalModel model;
  private List<ChatModelListener> listeners = List.of();

  ChatBuilder() {}

  abstract B self();

  /** The model, which its owner closes, after this; required. */
  public B model(LocalModel shared) {
    model = shared;
    return self();
  }

  /** The adapter that answers where a request's model name chooses no other: its name, or the model's own. */
  public B adapter(String name) {
    parameters.modelName(name);
    return self();
  }

  /** 0: the likeliest token each time. */
  public B temperature(double temperature) {
    parameters.temperature(temperature);
    return self();
  }

  /** Draws from the likeliest tokens that have this probability together. */
  public B topP(double topP) {
    parameters.topP(topP);
    return self();
  }

  /** Draws from so many of the likeliest tokens. */
  public B topK(int topK) {
    parameters.topK(topK);
    return self();
  }

  /** Tokens of an answer at most. */
  public B maxOutputTokens(int tokens) {
    parameters.maxOutputTokens(tokens);
    return self();
  }

  /** Texts at which an answer ends, without them. */
  public B stopSequences(List<String> texts) {
    parameters.stopSequences(texts);
    return self();
  }

  /** The same answer each time, where tokens are drawn. */
  public B seed(long seed) {
    parameters.seed(seed);
    return self();
  }

  /** Parameters of requests that say nothing else; they go before those set here earlier. */
  public B defaultRequestParameters(ChatRequestParameters defaults) {
    parameters.overrideWith(defaults);
    return self();
  }

  /** Who hears of requests and answers. */
  public B listeners(List<ChatModelListener> all) {
    listeners = List.copyOf(all);
    return self();
  }

  /** What both models keep. */
  record Settled(LocalModel model, ChatRequestParameters parameters, List<ChatModelListener> listeners) {}

  Settled settled() {
    LocalModel shared = Objects.requireNonNull(model, "model(...) is required");
    Lora4jChatRequestParameters defaults = parameters.build();
    ChatCall.voice(shared, defaults.modelName()); // An adapter that is not there is an error now.
    return new Settled(shared, defaults, listeners);
  }
}
