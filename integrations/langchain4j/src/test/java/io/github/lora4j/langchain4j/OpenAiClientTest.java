package io.github.lora4j.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import io.github.lora4j.TinyModel;
import io.github.lora4j.cli.TinyBert;
import io.github.lora4j.inference.engine.EngineLimits;
import io.github.lora4j.inference.model.ServedOptions;
import io.github.lora4j.serve.Models;
import io.github.lora4j.serve.Served;
import io.github.lora4j.serve.Server;
import io.github.lora4j.serve.ServerOptions;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server as langchain4j's own client of OpenAI's API sees it. */
class OpenAiClientTest {

  @TempDir
  static Path directory;
  static LocalModel local;
  static LocalModel bert;
  static Served served;
  static Server server;

  @BeforeAll
  static void serve() throws Exception {
    Path tiny = TinyModel.write(directory.resolve("tiny"));
    local = Lora4j.model(tiny.toString(), Map.of("threads", 1));
    Taught.teach(local, directory);
    bert = Lora4j.model(TinyBert.model(directory.resolve("bert"), true).toString(), Map.of("threads", 1));
    bert.load("vectors", bert.train(new HashMap<>(Map.of("output", directory.resolve("vectors"), "task", "embedding", "data",
        Map.of("train", TinyBert.pairs(directory.resolve("pairs.tsv"), 32, 1), "text", "query", "text_pair", "answer"), "batch_size", 8, "max_steps",
        4,
        "adapter", Map.of("r", 2, "target_modules", List.of("query", "value"))))).adapter());
    ServedOptions.Computing one = new ServedOptions.Computing("cpu", 1);
    served = Models.open(new ServedOptions(tiny, "tiny", Map.of("calls", directory.resolve("calls"), "as", directory.resolve("as")),
        new ServedOptions.Room(4, 0, 0, 1, Optional.empty()), one), Map.of("vectors", directory.resolve("vectors")), EngineLimits.DEFAULT);
    server = new Server(served, ServerOptions.LOCAL, line -> { });
  }

  @AfterAll
  static void stop() {
    server.close();
    served.close();
    local.close();
    bert.close();
  }

  private static String url() {
    return server.address() + "/v1";
  }

  private static OpenAiChatModel.OpenAiChatModelBuilder chat(String model) {
    return OpenAiChatModel.builder().baseUrl(url()).apiKey("none").modelName(model).temperature(0.0).maxTokens(120).maxRetries(0);
  }

  @Test
  void aChatIsThatOfTheLibrary() {
    ChatResponse response = chat("as").build().chat(UserMessage.from("aaaa"));
    ChatResponse own = Lora4jChatModel.builder().model(local).adapter("as").temperature(0).maxOutputTokens(120).build().chat(UserMessage.from(
        "aaaa"));
    assertEquals(own.aiMessage().text(), response.aiMessage().text());
    assertEquals(own.tokenUsage().totalTokenCount(), response.tokenUsage().totalTokenCount());
    assertEquals(own.finishReason(), response.finishReason());
    assertEquals("as", response.metadata().modelName());
    assertTrue(assertThrows(LangChain4jException.class, () -> chat("bs").build().chat("x")).getMessage().contains("The model 'bs' does not exist"));
  }

  @Test
  void aStreamIsTheAnswer() throws Exception {
    StringBuilder pieces = new StringBuilder();
    CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
    OpenAiStreamingChatModel.builder().baseUrl(url()).apiKey("none").modelName("as").temperature(0.0).maxTokens(120).build().chat("aaaa",
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(String piece) {
            pieces.append(piece);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            whole.complete(response);
          }

          @Override
          public void onError(Throwable error) {
            whole.completeExceptionally(error);
          }
        });
    ChatResponse response = whole.get(60, TimeUnit.SECONDS);
    assertEquals(chat("as").build().chat(UserMessage.from("aaaa")).aiMessage().text(), response.aiMessage().text());
    assertEquals(response.aiMessage().text(), pieces.toString());
    assertEquals("<user>aaaa<assistant>".length(), response.tokenUsage().inputTokenCount());
  }

  @Test
  void aToolIsCalled() {
    ToolSpecification now = ToolSpecification.builder().name("now").parameters(JsonObjectSchema.builder().addStringProperty("zone").build()).build();
    ChatResponse response = chat("calls").build().chat(ChatRequest.builder().messages(UserMessage.from("when?")).toolSpecifications(now).build());
    assertEquals(FinishReason.TOOL_EXECUTION, response.finishReason());
    assertEquals("now", response.aiMessage().toolExecutionRequests().getFirst().name());
    assertEquals("{\"zone\":\"UTC\"}", response.aiMessage().toolExecutionRequests().getFirst().arguments());
  }

  @Test
  void vectorsAreThoseOfTheLibrary() {
    OpenAiEmbeddingModel model = OpenAiEmbeddingModel.builder().baseUrl(url()).apiKey("none").modelName("vectors").maxRetries(0).build();
    Embedding own = Lora4jEmbeddingModel.builder().model(bert).adapter("vectors").build().embed("the film is nice").content();
    assertEquals(own, model.embed("the film is nice").content());
  }
}
