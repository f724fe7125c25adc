package io.github.lora4j.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.spi.ServiceHelper;
import java.util.List;

/** A {@link ChatModel} on this machine: tools by the model's chat template, the adapter chosen by each request's model name. For any thread. */
public final class Lora4jChatModel implements ChatModel {

  private final ChatBuilder.Settled settled;

  private Lora4jChatModel(ChatBuilder.Settled settled) {
    this.settled = settled;
  }

  /** Builds one, by a framework's factory where there is one. */
  public static Builder builder() {
    for (Lora4jChatModelBuilderFactory factory : ServiceHelper.loadFactories(Lora4jChatModelBuilderFactory.class)) {
      return factory.get();
    }
    return new Builder();
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    return ChatCall.answer(settled.model(), request, piece -> { });
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return settled.parameters();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return settled.listeners();
  }

  /** Builds one. */
  public static final class Builder extends ChatBuilder<Builder> {

    /** Nothing is set; {@link Lora4jChatModel#builder} is for applications, this for factories. */
    public Builder() {}

    @Override
    Builder self() {
      return this;
    }

    /**
     * The model.
     *
     * @throws io.github.lora4j.vector.ConfigException when there is no such adapter
     */
    public Lora4jChatModel build() {
      return new Lora4jChatModel(settled());
    }
  }
}
