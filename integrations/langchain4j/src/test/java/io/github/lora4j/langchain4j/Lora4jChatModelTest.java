package io.github.lora4j.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import io.github.lora4j.TinyModel;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A chat model as langchain4j's applications see it. */
class Lora4jChatModelTest {

  private static final ToolSpecification NOW = ToolSpecification.builder().name("now").description("The time.")
      .parameters(JsonObjectSchema.builder().addStringProperty("zone").required("zone").build()).build();

  @TempDir
  static Path directory;
  static LocalModel local;
  static Lora4jChatModel model;
  static Lora4jStreamingChatModel streaming;
  static final List<ChatModelResponseContext> HEARD = new CopyOnWriteArrayList<>();

  @BeforeAll
  static void teach() throws Exception {
    local = Lora4j.model(TinyModel.write(directory.resolve("tiny")).toString(), Map.of("threads", 1));
    Taught.teach(local, directory);
    ChatModelListener listener = new ChatModelListener() {
      @Override
      public void onResponse(ChatModelResponseContext context) {
        HEARD.add(context);
      }
    };
    model = Lora4jChatModel.builder().model(local).temperature(0).maxOutputTokens(20).listeners(List.of(listener)).build();
    streaming = Lora4jStreamingChatModel.builder().model(local).temperature(0).maxOutputTokens(20).listeners(List.of(listener)).build();
  }

  @AfterAll
  static void close() {
    local.close();
  }

  private static ChatRequest.Builder ask(String text) {
    return ChatRequest.builder().messages(UserMessage.from(text));
  }

  @Test
  void theModelNameChoosesTheAdapter() {
    ChatResponse base = model.chat(ask("hi").build());
    assertEquals("tiny", base.metadata().modelName());
    assertEquals(local.chat(List.of(Map.of("role", "user", "content", "hi")), Map.of("do_sample", false, "max_new_tokens", 20)).text(),
        base.aiMessage().text());
    ChatResponse as = model.chat(ask("aaaa").modelName("as").build());
    assertEquals("as", as.metadata().modelName());
    assertNotEquals(model.chat(ask("aaaa").build()).aiMessage().text(), as.aiMessage().text());
    assertEquals(FinishReason.LENGTH, as.finishReason());
    assertEquals("<user>aaaa<assistant>".length(), as.tokenUsage().inputTokenCount());
    assertEquals(20, as.tokenUsage().outputTokenCount());
    assertEquals(as.aiMessage(), Lora4jChatModel.builder().model(local).adapter("as").temperature(0).maxOutputTokens(20).build()
        .chat(UserMessage.from("aaaa")).aiMessage());
    assertTrue(assertThrows(ConfigException.class, () -> model.chat(ask("a").modelName("bs").build())).getMessage()
        .contains("there is no adapter 'bs'; there are: calls, as"));
    assertThrows(ConfigException.class, () -> Lora4jChatModel.builder().model(local).adapter("bs").build());
  }

  @Test
  void parametersOfARequestGoFirst() {
    assertEquals(7, model.chat(ask("x").maxOutputTokens(7).build()).tokenUsage().outputTokenCount());
    String whole = model.chat(ask("x").build()).aiMessage().text();
    String stop = whole.substring(4, 6);
    ChatResponse stopped = model.chat(ask("x").stopSequences(List.of(stop)).build());
    assertEquals(whole.substring(0, whole.indexOf(stop)), stopped.aiMessage().text());
    assertEquals(FinishReason.STOP, stopped.finishReason());
    Lora4jChatRequestParameters drawn = Lora4jChatRequestParameters.builder().temperature(1.0).seed(5).setting("min_p", 0.01).build();
    String first = model.chat(ask("x").parameters(drawn).build()).aiMessage().text();
    assertEquals(first, model.chat(ask("x").parameters(drawn).build()).aiMessage().text());
    assertNotEquals(whole, first);
    assertTrue(assertThrows(ConfigException.class, () -> model.chat(ask("x").parameters(Lora4jChatRequestParameters.builder()
        .setting("min_q", 1).build()).build())).getMessage().contains("min_q"));
  }

  @Test
  void toolsAreCalledByTheTemplate() {
    ChatRequest request = ask("when?").modelName("calls").maxOutputTokens(120).toolSpecifications(NOW).build();
    ChatResponse called = model.chat(request);
    ToolExecutionRequest call = called.aiMessage().toolExecutionRequests().getFirst();
    assertEquals("now", call.name());
    assertEquals("{\"zone\":\"UTC\"}", call.arguments());
    assertEquals(FinishReason.TOOL_EXECUTION, called.finishReason());
    assertNull(called.aiMessage().text());
    // The call and its result go back through the template.
    ChatResponse next = model.chat(ChatRequest.builder().messages(SystemMessage.from("s"), UserMessage.from("when?"), called.aiMessage(),
        ToolExecutionResultMessage.from(call, "noon")).build());
    assertTrue(next.tokenUsage().inputTokenCount() > "<system>s<user>when?<assistant><tool>noon<assistant>".length());
    ChatResponse plain = model.chat(ask("when?").modelName("calls").maxOutputTokens(120).build());
    assertEquals(Taught.CALL + Taught.END, plain.aiMessage().text(), "without tools it is a text");
    assertEquals(FinishReason.STOP, plain.finishReason());
  }

  /** Hears an answer. */
  private static final class Hearing implements StreamingChatResponseHandler {

    final List<String> pieces = new ArrayList<>();
    final List<CompleteToolCall> calls = new ArrayList<>();
    final CompletableFuture<ChatResponse> whole = new CompletableFuture<>();

    @Override
    public void onPartialResponse(String piece) {
      pieces.add(piece);
    }

    @Override
    public void onCompleteToolCall(CompleteToolCall call) {
      calls.add(call);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      whole.complete(response);
    }

    @Override
    public void onError(Throwable error) {
      whole.completeExceptionally(error);
    }

    ChatResponse get() throws Exception {
      return whole.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void piecesOfAStreamAreTheAnswer() throws Exception {
    Hearing hearing = new Hearing();
    streaming.chat(ask("hi").build(), hearing);
    ChatResponse whole = hearing.get();
    assertEquals(model.chat(ask("hi").build()).aiMessage(), whole.aiMessage());
    assertEquals(whole.aiMessage().text(), String.join("", hearing.pieces));
    assertTrue(hearing.pieces.size() > 3);
    Hearing calls = new Hearing();
    streaming.chat(ask("when?").modelName("calls").maxOutputTokens(120).toolSpecifications(NOW).build(), calls);
    assertEquals(FinishReason.TOOL_EXECUTION, calls.get().finishReason());
    assertEquals(List.of(), calls.pieces);
    assertEquals(calls.get().aiMessage().toolExecutionRequests(), calls.calls.stream().map(CompleteToolCall::toolExecutionRequest).toList());
    Hearing wrong = new Hearing();
    streaming.chat(ask("hi").modelName("bs").build(), wrong);
    assertEquals(ConfigException.class, assertThrows(ExecutionException.class, wrong::get).getCause().getClass());
  }

  @Test
  void aCancelledStreamIsSilent() throws Exception {
    CompletableFuture<Integer> heard = new CompletableFuture<>();
    List<String> after = new CopyOnWriteArrayList<>();
    streaming.chat(ask("hi").maxOutputTokens(3000).build(), new StreamingChatResponseHandler() {
      @Override
      public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
        if (heard.isDone()) {
          after.add(piece.text());
        }
        context.streamingHandle().cancel();
        heard.complete(1);
      }

      @Override
      public void onCompleteResponse(ChatResponse response) {
        after.add("complete");
      }

      @Override
      public void onError(Throwable error) {
        after.add(error.toString());
      }
    });
    assertEquals(1, heard.get(60, TimeUnit.SECONDS));
    assertFalse(model.chat(ask("hi").build()).aiMessage().text().isEmpty(), "the model goes on");
    assertEquals(List.of(), after);
  }

  @Test
  void listenersHear() {
    HEARD.clear();
    ChatResponse response = model.chat(ask("hi").build());
    assertEquals(1, HEARD.size());
    assertEquals(response, HEARD.getFirst().chatResponse());
    assertEquals(20, HEARD.getFirst().chatRequest().parameters().maxOutputTokens());
  }

  interface Assistant {
    String chat(String text);
  }

  @Test
  void aServiceWithAMemoryRemembers() {
    Assistant assistant = AiServices.builder(Assistant.class).chatModel(model).chatMemory(MessageWindowChatMemory.withMaxMessages(10)).build();
    HEARD.clear();
    String first = assistant.chat("one");
    assistant.chat("two");
    assertEquals(List.of(UserMessage.from("one"), AiMessage.from(first), UserMessage.from("two")), HEARD.getLast().chatRequest().messages());
  }

  @Test
  void whatAModelCannotDoIsRefused() {
    assertThrows(UnsupportedFeatureException.class, () -> model.chat(ask("x").toolSpecifications(NOW).toolChoice(ToolChoice.REQUIRED).build()));
    assertThrows(UnsupportedFeatureException.class, () -> model.chat(ask("x").responseFormat(ResponseFormat.builder()
        .type(ResponseFormatType.JSON).build()).build()));
    assertThrows(UnsupportedFeatureException.class, () -> model.chat(UserMessage.from(ImageContent.from("http://127.0.0.1/image.png"))));
    assertTrue(assertThrows(NullPointerException.class, () -> Lora4jChatModel.builder().build()).getMessage().contains("model(...)"));
  }

  @Test
  void tokensAreCountedByTheTemplate() {
    Lora4jTokenCountEstimator estimator = Lora4jTokenCountEstimator.of(local);
    assertEquals(5, estimator.estimateTokenCountInText("hello"));
    assertEquals("<user>hello<assistant>".length(), estimator.estimateTokenCountInMessage(UserMessage.from("hello")));
    assertEquals(0, estimator.estimateTokenCountInMessages(List.of()));
    int input = model.chat(SystemMessage.from("s"), UserMessage.from("u")).tokenUsage().inputTokenCount();
    assertEquals(input, estimator.estimateTokenCountInMessages(List.of(SystemMessage.from("s"), UserMessage.from("u"))));
  }
}
