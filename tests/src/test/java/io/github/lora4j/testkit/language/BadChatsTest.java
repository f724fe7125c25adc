package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.cli.InProcess;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.train.language.ChatText;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversations that are not a neat exchange of user and assistant, and vocabularies of another size than the embedding. */
class BadChatsTest {

  private static final DataSpec TYPED = new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.empty(), 0,
      Optional.of(new DataSpec.Typed(List.of(), List.of())));
  private static final String USER = "{\"role\": \"user\", \"content\": \"Who bakes?\"}";
  private static final String ASSISTANT = "{\"role\": \"assistant\", \"content\": \"The baker.\"}";
  private static final String STRICT = "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
      + "{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>"
      + "{{ '\\n' }}{% endfor %}";
  private static final String TOOLS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content %}{{ m.content }}{% endif %}{% for c in "
      + "m.tool_calls %}"
      + "{{ c.function.name }}({{ c.function.arguments|tojson }}){% endfor %}<|im_end|>{{ '\\n' }}{% endfor %}";

  @TempDir
  private Path dir;

  private Path model;

  @BeforeEach
  void model() {
    model = TinyLlama.copyTo(dir.resolve("model"));
  }

  private Example example(String template, String... messages) throws IOException {
    if (!template.isEmpty()) {
      Files.writeString(model.resolve("chat_template.jinja"), template);
    }
    Path file = Files.writeString(dir.resolve("chats.jsonl"), "\n{\"messages\": [%s]}\n".formatted(String.join(", ", messages)));
    RowReader reader = new RowReader(file, Tokenizer.load(model), 256, List.of(), true, ModelTexts.of(model));
    return new ChatText().example(DataFile.read(file, TYPED).getFirst(), reader);
  }

  private String learnt(Example example) throws IOException {
    Target.TokenLabels labels = (Target.TokenLabels) example.target();
    int[] ids = new int[labels.ids().length];
    int count = 0;
    for (int t = 1; t < ids.length; t++) {
      if (labels.counted()[t]) {
        ids[count++] = labels.ids()[t];
      }
    }
    return Tokenizer.load(model).decode(java.util.Arrays.copyOf(ids, count), false);
  }

  private void refused(String message, String template, String... messages) {
    String got = assertThrows(Lora4jException.class, () -> example(template, messages)).getMessage();
    assertTrue(got.contains(message), got);
  }

  @Test
  void theAssistantMaySpeakFirst() throws IOException {
    assertEquals("The baker.<|im_end|>The baker.<|im_end|>", learnt(example("", ASSISTANT, USER, ASSISTANT)));
    refused("Conversation roles must alternate user/assistant", STRICT, ASSISTANT, USER, ASSISTANT);
  }

  @Test
  void twoUsersInARow() throws IOException {
    assertEquals("The baker.<|im_end|>", learnt(example("", USER, USER, ASSISTANT)));
    refused("Conversation roles must alternate user/assistant", STRICT, USER, USER, ASSISTANT);
  }

  /** What a template refuses is an error of the row's line, so that it can be found. */
  @Test
  void aTemplatesRefusalNamesTheRow() {
    refused("chats.jsonl, line 2", STRICT, USER, USER, ASSISTANT);
  }

  @Test
  void noAssistant() {
    refused("chats.jsonl, line 2: nothing to learn: the conversation has no answer of the assistant", "", USER);
    refused("chats.jsonl, line 2: nothing to learn", "", USER, USER);
  }

  @Test
  void contentThatIsNull() throws IOException {
    refused("line 2, message 2 of \"messages\": an assistant's message has neither content nor tool_calls", "", USER,
        "{\"role\": \"assistant\", \"content\": null}");
    refused("neither content nor tool_calls", "", USER, "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": []}");
    assertEquals("f({\"x\": 1})<|im_end|>\n", learnt(example(TOOLS, USER, "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": "
        + "[{\"type\": \"function\", "
        + "\"function\": {\"name\": \"f\", \"arguments\": {\"x\": 1}}}]}")));
  }

  @Test
  void argumentsOfCallsAsTextAndAsObject() throws IOException {
    String call = "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"a\", \"type\": \"function\", \"function\": {\"name\": "
        + "\"f\", \"arguments\": %s}}]}";
    Example object = example(TOOLS, USER, call.formatted("{\"x\": [1, 2], \"y\": \"z\"}"));
    Example text = example(TOOLS, USER, call.formatted("\"{\\\"x\\\": [1, 2], \\\"y\\\": \\\"z\\\"}\""));
    assertEquals(learnt(object), learnt(text));
    assertEquals("f({\"x\": [1, 2], \"y\": \"z\"})<|im_end|>\n", learnt(text));
    refused("\"arguments\" is not valid JSON", TOOLS, USER, call.formatted("\"{x\""));
  }

  /** A tokenizer with more tokens than the model has rows for. */
  @Test
  void aTokenWithoutAnEmbeddingIsRefusedBeforeTraining() throws IOException {
    ObjectMapper json = new ObjectMapper();
    JsonNode tokenizer = json.readTree(Files.readString(model.resolve("tokenizer.json")));
    int size = json.readTree(Files.readString(model.resolve("config.json"))).path("vocab_size").intValue();
    ((com.fasterxml.jackson.databind.node.ArrayNode) tokenizer.path("added_tokens")).add(((ObjectNode) tokenizer.path("added_tokens").get(0)).deepCopy()
        .put("id", size + 3).put("content", "<|new|>"));
    Files.writeString(model.resolve("tokenizer.json"), tokenizer.toString());
    Path chats = Files.writeString(dir.resolve("new.jsonl"),
        "{\"messages\": [%s, {\"role\": \"assistant\", \"content\": \"a <|new|> word\"}]}".formatted(USER));
    InProcess trained = InProcess.run("train", "--model", model, "--output", dir.resolve("run"), "--task", "chat", "--data.train", chats,
        "--max_steps", 1,
        "--adapter.target_modules=all-linear", "--threads", 1);
    assertTrue(trained.code() == 2 || trained.code() == 3, trained.output());
    assertTrue(trained.output().contains(String.valueOf(size + 3)) && trained.output().contains(String.valueOf(size)), trained.output());
  }

  /** More rows than tokens, as models that round their vocabulary up have: training goes, and generation never prints what is no token. */
  @Test
  void moreEmbeddingsThanTokens() throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode tokenizer = (ObjectNode) json.readTree(Files.readString(model.resolve("tokenizer.json")));
    ObjectNode vocabulary = (ObjectNode) tokenizer.path("model").path("vocab");
    int last = 0;
    String longest = "";
    for (var entry : vocabulary.properties()) {
      if (entry.getValue().intValue() > last) {
        last = entry.getValue().intValue();
        longest = entry.getKey();
      }
    }
    vocabulary.remove(longest);
    var merges = (com.fasterxml.jackson.databind.node.ArrayNode) tokenizer.path("model").path("merges");
    for (int i = merges.size() - 1; i >= 0; i--) {
      String merged = merges.get(i).isArray() ? merges.get(i).get(0).asText() + merges.get(i).get(1).asText()
          : merges.get(i).asText().replace(" ", "");
      if (merged.equals(longest)) {
        merges.remove(i);
      }
    }
    Files.writeString(model.resolve("tokenizer.json"), tokenizer.toString());
    Path chats = Files.writeString(dir.resolve("few.jsonl"), "{\"messages\": [%s, %s]}".formatted(USER, ASSISTANT));
    InProcess trained = InProcess.run("train", "--model", model, "--output", dir.resolve("run"), "--task", "chat", "--data.train", chats,
        "--max_steps", 1,
        "--adapter.target_modules=all-linear", "--threads", 1);
    assertEquals(0, trained.code(), trained.output());
    InProcess said = InProcess.run("generate", "--model", model, "--prompt", "Who", "--do-sample", "--temperature", "100", "--max-new-tokens", 200,
        "--seed", 5);
    assertEquals(0, said.code(), said.output());
  }
}
