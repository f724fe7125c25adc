package io.github.lora4j.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.github.lora4j.Generated;
import io.github.lora4j.LanguageModel;
import io.github.lora4j.LocalModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A request of langchain4j, answered. */
final class ChatCall {

  private ChatCall() {}

  static ChatResponse answer(LocalModel model, ChatRequest request, Consumer<String> listener) {
    ChatRequestParameters parameters = request.parameters();
    LanguageModel voice = voice(model, parameters.modelName());
    Generated generated = voice.chat(Conversation.of(request.messages()), settings(parameters), listener);
    List<ToolExecutionRequest> calls = generated.toolCalls().stream().map(call -> ToolExecutionRequest.builder().id("call_" + UUID.randomUUID())
        .name(call.name()).arguments(call.arguments()).build()).toList();
    AiMessage message = calls.isEmpty() ? AiMessage.from(generated.text()) : AiMessage.builder().toolExecutionRequests(calls)
        .text(generated.text().isEmpty() ? null : generated.text()).build();
    return ChatResponse.builder().aiMessage(message).metadata(ChatResponseMetadata.builder().id("chatcmpl-" + UUID.randomUUID())
        .modelName(voice.name()).tokenUsage(new TokenUsage(generated.promptTokens(), generated.tokens()))
        .finishReason(calls.isEmpty() ? reason(generated) : FinishReason.TOOL_EXECUTION).build()).build();
  }

  /** The model with the adapter of a name; the model as it was opened where none is named. */
  static LanguageModel voice(LocalModel model, @Nullable String name) {
    return name == null || name.equals(model.name()) ? model : model.with(name);
  }

  private static FinishReason reason(Generated generated) {
    return switch (generated.reason()) {
      case EOS, STOP_STRING -> FinishReason.STOP;
      case LENGTH, CONTEXT -> FinishReason.LENGTH;
      case CANCELLED, FAILED -> FinishReason.OTHER;
    };
  }

  private static Map<String, Object> settings(ChatRequestParameters parameters) {
    if (parameters.toolChoice() == ToolChoice.REQUIRED) {
      throw new UnsupportedFeatureException("tool choice REQUIRED: a model is not held to a call here");
    }
    if (parameters.responseFormat() != null && parameters.responseFormat().type() == ResponseFormatType.JSON) {
      throw new UnsupportedFeatureException("response format JSON: a model is not held to a grammar here");
    }
    Map<String, Object> settings = new LinkedHashMap<>();
    Double temperature = parameters.temperature();
    if (temperature != null) {
      settings.put("do_sample", temperature > 0);
      if (temperature > 0) {
        settings.put("temperature", temperature);
      }
    }
    put(settings, "top_p", parameters.topP());
    put(settings, "top_k", parameters.topK());
    put(settings, "frequency_penalty", parameters.frequencyPenalty());
    put(settings, "presence_penalty", parameters.presencePenalty());
    put(settings, "max_new_tokens", parameters.maxOutputTokens());
    if (parameters.stopSequences() != null && !parameters.stopSequences().isEmpty()) {
      settings.put("stop_strings", parameters.stopSequences());
    }
    if (parameters.toolSpecifications() != null && parameters.toolChoice() != ToolChoice.NONE) {
      settings.put("tools", Conversation.tools(parameters.toolSpecifications()));
    }
    if (parameters instanceof Lora4jChatRequestParameters own) {
      settings.putAll(own.settings());
    }
    return settings;
  }

  private static void put(Map<String, Object> settings, String name, @Nullable Object value) {
    if (value != null) {
      settings.put(name, value);
    }
  }
}
