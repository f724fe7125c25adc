package io.github.lora4j.langchain4j;

import dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.langchain4j.spi.ServiceHelper;
import java.util.List;
import java.util.concurrent.CancellationException;

/** {@link Lora4jChatModel} whose answers are told as they come, each on a virtual thread of its own. */
public final class Lora4jStreamingChatModel implements StreamingChatModel {

  private final ChatBuilder.Settled settled;

  private Lora4jStreamingChatModel(ChatBuilder.Settled settled) {
    this.settled = settled;
  }

  /** Builds one, by a framework's factory where there is one. */
  public static Builder builder() {
    for (Lora4jStreamingChatModelBuilderFactory factory : ServiceHelper.loadFactories(Lora4jStreamingChatModelBuilderFactory.class)) {
      return factory.get();
    }
    return new Builder();
  }

  /** Ends an answer that nobody wants any more. */
  private static final class Handle implements StreamingHandle {

    private volatile boolean cancelled;

    @Override
    public void cancel() {
      cancelled = true;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    Thread.ofVirtual().name("lora4j-chat").start(() -> answer(request, handler));
  }

  private void answer(ChatRequest request, StreamingChatResponseHandler handler) {
    Handle handle = new Handle();
    ChatResponse response;
    try {
      response = ChatCall.answer(settled.model(), request, piece -> {
        if (!handle.cancelled) {
          InternalStreamingChatResponseHandlerUtils.onPartialResponse(handler, piece, handle);
        }
        if (handle.cancelled) {
          throw new CancellationException("the answer was cancelled");
        }
      });
      for (int i = 0; i < response.aiMessage().toolExecutionRequests().size(); i++) {
        InternalStreamingChatResponseHandlerUtils.onCompleteToolCall(handler, new CompleteToolCall(i, response.aiMessage().toolExecutionRequests()
            .get(i)));
      }
    } catch (RuntimeException e) {
      if (!handle.cancelled) {
        InternalStreamingChatResponseHandlerUtils.withLoggingExceptions(() -> handler.onError(e));
      }
      return;
    }
    InternalStreamingChatResponseHandlerUtils.onCompleteResponse(handler, response);
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

    /** Nothing is set; {@link Lora4jStreamingChatModel#builder} is for applications, this for factories. */
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
    public Lora4jStreamingChatModel build() {
      return new Lora4jStreamingChatModel(settled());
    }
  }
}
