package io.github.lora4j.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** OpenAI's API as its clients see it. */
class OpenAiTest {

  private static final String TEXT = "/v1/completions";
  private static final String CHAT = "/v1/chat/completions";

  @TempDir
  static Path directory;
  static TinyServer tiny;

  @BeforeAll
  static void start() throws Exception {
    tiny = TinyServer.of(TinyServer.write(directory, "one", "two"), 8, "one", "two");
  }

  @AfterAll
  static void stop() {
    tiny.close();
  }

  @Test
  void modelsAreTheBaseAndItsAdapters() throws Exception {
    JsonNode models = TinyServer.JSON.readTree(tiny.get("/v1/models").body());
    assertEquals("list", models.path("object").textValue());
    assertEquals(List.of("tiny", "one", "two"), models.path("data").findValuesAsText("id"));
    assertEquals("tiny", models.path("data").path(1).path("parent").textValue());
  }

  @Test
  void anAdapterIsAModel() throws Exception {
    String body = "{\"model\": \"%s\", \"prompt\": \"once\", \"max_tokens\": 12, \"temperature\": 0}";
    List<String> texts = new ArrayList<>();
    for (String model : List.of("tiny", "one", "two")) {
      JsonNode answer = tiny.ask(TEXT, body.formatted(model));
      assertEquals(model, answer.path("model").textValue());
      assertEquals("text_completion", answer.path("object").textValue());
      assertEquals(4, answer.at("/usage/prompt_tokens").intValue());
      assertEquals(12, answer.at("/usage/completion_tokens").intValue());
      assertEquals("length", answer.at("/choices/0/finish_reason").textValue());
      texts.add(answer.at("/choices/0/text").textValue());
    }
    assertEquals(3, texts.stream().distinct().count(), texts.toString());
  }

  @Test
  void aStreamSaysTheSame() throws Exception {
    for (String settings : List.of("\"temperature\": 0", "\"seed\": 5", "\"seed\": 5, \"top_k\": 4, \"min_p\": 0.01, \"presence_penalty\": 1")) {
      String body = "{\"model\": \"two\", \"prompt\": \"once\", \"max_tokens\": 30, " + settings + "%s}";
      JsonNode answer = tiny.ask(TEXT, body.formatted(""));
      String whole = answer.at("/choices/0/text").textValue();
      List<JsonNode> events = tiny.events(TEXT, body.formatted(", \"stream\": true, \"stream_options\": {\"include_usage\": true}"));
      assertEquals(whole, TinyServer.text(events));
      assertEquals(answer.path("usage"), events.getLast().path("usage"));
      assertTrue(events.getLast().path("choices").isEmpty());
      assertEquals(answer.at("/choices/0/finish_reason"), events.get(events.size() - 2).at("/choices/0/finish_reason"));
    }
  }

  @Test
  void aChatIsItsTemplate() throws Exception {
    String answer = tiny.ask(CHAT,
        "{\"model\": \"one\", \"temperature\": 0, \"max_tokens\": 9, \"messages\": [{\"role\": \"system\", \"content\": \"a\"},"
        + "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"b\"}]}]}").at("/choices/0/message/content").textValue();
    // The answer in a chat is a text of its own: bytes that are no characters are left where they are.
    assertEquals(tiny.ask(TEXT, "{\"model\": \"one\", \"temperature\": 0, \"max_tokens\": 9, \"prompt\": \"<system>a<user>b<assistant>\"}")
        .at("/choices/0/text").textValue(), answer);
    List<JsonNode> events = tiny.events(CHAT, "{\"model\": \"one\", \"temperature\": 0, \"max_tokens\": 9, \"stream\": true, \"messages\": ["
        + "{\"role\": \"developer\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}]}");
    assertEquals(answer, TinyServer.text(events));
    assertEquals("assistant", events.getFirst().at("/choices/0/delta/role").textValue());
    assertEquals("chat.completion.chunk", events.getFirst().path("object").textValue());
    assertEquals("length", events.getLast().at("/choices/0/finish_reason").textValue());
  }

  @Test
  void answersToOnePromptAreThoseOfSeedsInARow() throws Exception {
    String body = "{\"prompt\": [\"ab\", \"cd\"], \"n\": 2, \"seed\": 40, \"max_tokens\": 10}";
    JsonNode choices = tiny.ask(TEXT, body).path("choices");
    assertEquals(List.of("0", "1", "2", "3"), choices.findValuesAsText("index"));
    String second = tiny.ask(TEXT, "{\"prompt\": \"cd\", \"seed\": 41, \"max_tokens\": 10}").at("/choices/0/text").textValue();
    assertEquals(second, choices.path(3).path("text").textValue());
    assertNotEquals(second, choices.path(2).path("text").textValue());
  }

  @Test
  void chancesAreLogarithms() throws Exception {
    JsonNode answer = tiny.ask(CHAT,
        "{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}], \"max_tokens\": 5, \"temperature\": 0, \"logprobs\": true,"
        + "\"top_logprobs\": 3}");
    JsonNode content = answer.at("/choices/0/logprobs/content");
    assertEquals(5, content.size());
    for (JsonNode token : content) {
      assertEquals(3, token.path("top_logprobs").size());
      assertEquals(token.path("logprob").doubleValue(), token.at("/top_logprobs/0/logprob").doubleValue(), "the best token was chosen");
      assertTrue(token.path("logprob").doubleValue() < 0);
      assertTrue(token.at("/top_logprobs/1/logprob").doubleValue() <= token.path("logprob").doubleValue());
    }
    JsonNode all = tiny.ask(TEXT, "{\"prompt\": \"b\", \"max_tokens\": 1, \"temperature\": 0, \"logprobs\": 20}");
    // Bytes that are no characters look alike.
    assertTrue(all.at("/choices/0/logprobs/top_logprobs/0").size() > 1 && all.at("/choices/0/logprobs/top_logprobs/0").size() <= 20);
    assertEquals(0, all.at("/choices/0/logprobs/text_offset/0").intValue());
  }

  @Test
  void aStopTextIsNotPartOfTheAnswer() throws Exception {
    String whole = tiny.ask(TEXT, "{\"prompt\": \"x\", \"max_tokens\": 40, \"seed\": 3}").at("/choices/0/text").textValue();
    String stop = whole.substring(7, 9);
    JsonNode answer = tiny.ask(TEXT, TinyServer.JSON.createObjectNode().put("prompt", "x").put("max_tokens", 40).put("seed", 3).put("stop", stop)
        .toString());
    assertEquals(whole.substring(0, whole.indexOf(stop)), answer.at("/choices/0/text").textValue());
    assertEquals("stop", answer.at("/choices/0/finish_reason").textValue());
    assertTrue(answer.at("/usage/completion_tokens").intValue() < 40);
  }

  @Test
  void aBiasDecides() throws Exception {
    // Id 1 + b is byte b.
    JsonNode answer = tiny.ask(TEXT, "{\"prompt\": \"x\", \"max_tokens\": 4, \"logit_bias\": {\"%d\": 100}}".formatted(1 + 'q'));
    assertEquals("qqqq", answer.at("/choices/0/text").textValue());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      {"prompt": "a", "maxtokens": 3}                       | maxtokens          | did you mean 'max_tokens'
      {"prompt": "a", "max_tokens": "3"}                    | max_tokens         | a whole number
      {"prompt": "a", "max_tokens": 0}                      | max_tokens         | from 1 to
      {"prompt": "a", "max_tokens": 1e99}                   | max_tokens         | a whole number
      {"prompt": "a", "max_tokens": 99999999999999999999}   | max_tokens         | a whole number
      {"prompt": "a", "temperature": -1}                    | temperature        | from 0 to
      {"prompt": "a", "temperature": 1e999}                 | temperature        | from 0 to
      {"prompt": "a", "seed": 1.5}                          | seed               | a whole number
      {"prompt": "a", "n": 65}                              | n                  | from 1 to 64
      {"prompt": "a", "stream": "yes"}                      | stream             | true or false
      {"prompt": "a", "stop": [""]}                         | stop               | not empty
      {"prompt": "a", "logit_bias": {"x": 1}}               | logit_bias.x       | a token id
      {"prompt": "a", "logit_bias": [1]}                    | logit_bias         | an object
      {"prompt": "a", "echo": true}                         | echo               | does not have it
      {"prompt": "a", "response_format": {"type": "json_object"}} | response_format.type | grammar
      {"prompt": {}}                                        | prompt             | a string
      {"prompt": [1, 999999]}                               | prompt[1]          | a token id
      {"prompt": []}                                        | prompt             | a string
      {"model": "tiny"}                                     | prompt             | required
      {"prompt": "a", "stream_options": {"usage": true}}    | stream_options.usage | Unrecognized
      """)
  void aWrongKeyIsNamed(String body, String key, String message) throws Exception {
    HttpResponse<String> response = tiny.post(TEXT, body);
    JsonNode error = TinyServer.JSON.readTree(response.body()).path("error");
    assertEquals(400, response.statusCode(), response.body());
    assertEquals(key, error.path("param").textValue());
    assertEquals("invalid_request_error", error.path("type").textValue());
    assertTrue(error.path("message").textValue().contains(message), response.body());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      {"messages": []}                                      | messages
      {}                                                    | messages
      {"messages": [{"role": "user"}]}                      | messages[0].content
      {"messages": [{"role": "king", "content": "a"}]}      | messages[0].role
      {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}  | messages[0].content[0].type
      {"messages": [{"role": "user", "content": "a", "age": 3}]}            | messages[0].age
      {"messages": [{"role": "user", "content": "a"}], "top_logprobs": 3}   | top_logprobs
      {"messages": [{"role": "user", "content": "a"}], "tool_choice": "required"} | tool_choice
      {"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function"}]} | tools[0].function
      {"messages": [{"role": "user", "content": "a"}], "audio": {}}         | audio
      """)
  void aWrongKeyOfAChatIsNamed(String body, String key) throws Exception {
    HttpResponse<String> response = tiny.post(CHAT, body);
    assertEquals(400, response.statusCode(), response.body());
    assertEquals(key, TinyServer.JSON.readTree(response.body()).at("/error/param").textValue(), response.body());
  }

  @Test
  void aModelThatIsNotThereIsNotFound() throws Exception {
    HttpResponse<String> response = tiny.post(TEXT, "{\"model\": \"three\", \"prompt\": \"a\"}");
    assertEquals(404, response.statusCode());
    assertEquals("model_not_found", TinyServer.JSON.readTree(response.body()).at("/error/code").textValue());
    assertEquals(404, tiny.get("/v1/nothing").statusCode());
    assertEquals(405, tiny.get(TEXT).statusCode());
  }

  @Test
  void aPromptThatIsTooLongSaysSo() throws Exception {
    HttpResponse<String> response = tiny.post(TEXT, "{\"prompt\": \"%s\"}".formatted("a".repeat(80)));
    assertEquals(400, response.statusCode());
    assertEquals("context_length_exceeded", TinyServer.JSON.readTree(response.body()).at("/error/code").textValue());
  }

  @Test
  void theTemplateSeesTools() throws Exception {
    String tool = "{\"type\": \"function\", \"function\": {\"name\": \"f\"}}";
    String chat = "{\"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": [%s]%s}";
    int with = tiny.ask(CHAT, chat.formatted(tool, "")).at("/usage/prompt_tokens").intValue();
    int without = tiny.ask(CHAT, chat.formatted(tool, ", \"tool_choice\": \"none\"")).at("/usage/prompt_tokens").intValue();
    assertTrue(with > without, with + " tokens with tools, " + without + " without");
  }

  @Test
  void metricsCountWhatWasDone() throws Exception {
    tiny.ask(TEXT, "{\"prompt\": \"a\", \"max_tokens\": 5}");
    String metrics = tiny.get("/metrics").body();
    assertTrue(metrics.contains("lora4j_requests_total{path=\"/v1/completions\",status=\"200\"}"), metrics);
    for (String line : metrics.lines().filter(l -> !l.startsWith("#")).toList()) {
      assertTrue(line.matches("[a-z0-9_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})? [-+.eE0-9]+"), line);
    }
    assertFalse(metrics.contains("lora4j_generated_tokens_total 0\n"));
    assertEquals("{\"status\":\"ok\"}", tiny.get("/health").body());
  }
}
