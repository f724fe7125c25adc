package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Merging claims what the adapter's files say of its head, and nothing else. */
class MergeFaultsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  private Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void train() throws IOException {
    model = TinyBert.model(dir.resolve("model"), true);
    run = dir.resolve("run");
  }

  private void train(Path data, Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", "--model", model, "--output", run, "--data.train", data, "--adapter.target_modules",
        "query,value", "--adapter.r", 2, "--max_steps", 2, "--batch_size", 4, "--threads", 1));
    args.addAll(List.of(more));
    Cli.ok(args.toArray());
  }

  /** A copy of the run's adapter as another program would have left it. */
  private Path foreign(String taskType, UnaryOperator<String> names) throws IOException {
    Path adapter = Files.createDirectories(dir.resolve("adapter-" + taskType));
    ObjectNode config = (ObjectNode) JSON.readTree(run.resolve("adapter/adapter_config.json").toFile());
    if (taskType.isEmpty()) {
      config.putNull("task_type").putNull("modules_to_save");
    } else {
      config.put("task_type", taskType);
    }
    if (taskType.equals("QUESTION_ANS")) {
      config.putArray("modules_to_save").add("qa_outputs");
    }
    JSON.writeValue(adapter.resolve("adapter_config.json").toFile(), config);
    try (Checkpoint tensors = Checkpoint.open(run.resolve("adapter/adapter_model.safetensors")); Arena arena = Arena.ofConfined()) {
      SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
      for (String name : tensors.names()) {
        String renamed = names.apply(name);
        if (!renamed.isEmpty()) {
          TensorInfo info = new TensorInfo(renamed, DType.F32, tensors.info(name).shape());
          MemorySegment data = arena.allocate(info.bytes(), 64);
          tensors.read(name, DType.F32, data);
          writer.add(info, data);
        }
      }
      writer.write(adapter.resolve("adapter_model.safetensors"));
    }
    return adapter;
  }

  private JsonNode merged(Path adapter) throws IOException {
    Path output = dir.resolve("merged-" + adapter.getFileName());
    Cli.ok("merge", "--model", model, "--adapter", adapter, "--output", output);
    return JSON.readTree(output.resolve("config.json").toFile());
  }

  @Test
  void severalLabelsTravelWithTheAdapter() throws IOException {
    train(TinyBert.jsonl(dir.resolve("train.jsonl"), 20, 1), "--task", "multi_label", "--data.label", "tags");
    JsonNode config = merged(run.resolve("adapter"));
    assertEquals("multi_label_classification", config.path("problem_type").asText());
    assertEquals("{\"0\":\"plot\",\"1\":\"praise\"}", config.path("id2label").toString());
    Cli.ok("merge", run, "--output", dir.resolve("of-run"));
    assertEquals(config, JSON.readTree(dir.resolve("of-run/config.json").toFile()));
    // Without our record nobody knows whether two labels exclude each other.
    config = merged(foreign("SEQ_CLS", name -> name));
    assertFalse(config.has("problem_type"), config.toString());
    assertEquals("{\"0\":\"LABEL_0\",\"1\":\"LABEL_1\"}", config.path("id2label").toString());
    assertEquals("BertForSequenceClassification", config.at("/architectures/0").asText());
  }

  private void classifier() throws IOException {
    train(TinyBert.tsv(dir.resolve("train.tsv"), 20, 1), "--data.text", "sentence", "--data.label", "mood");
  }

  @Test
  void aTokenClassifier() throws IOException {
    classifier();
    JsonNode config = merged(foreign("TOKEN_CLS", name -> name));
    assertEquals("BertForTokenClassification", config.at("/architectures/0").asText());
    assertFalse(config.has("problem_type"), config.toString());
    assertEquals(2, config.path("id2label").size());
  }

  @Test
  void answers() throws IOException {
    classifier();
    JsonNode config = merged(foreign("QUESTION_ANS", name -> name.replace("classifier", "qa_outputs")));
    assertEquals("BertForQuestionAnswering", config.at("/architectures/0").asText());
    assertFalse(config.has("problem_type"), config.toString());
  }

  @Test
  void aHeadOfAKindThatNobodyNames() throws IOException {
    classifier();
    Path adapter = foreign("", name -> name);
    Cli result = Cli.run("merge", "--model", model, "--adapter", adapter, "--output", dir.resolve("out"));
    assertEquals(2, result.code(), result.out() + result.err());
    assertTrue(result.err().contains("no task_type") && result.err().contains("BertForTokenClassification"), result.err());
    result = Cli.run("merge", "--model", model, "--adapter", foreign("SEQ_2_SEQ_LM", name -> name), "--output", dir.resolve("out"));
    assertEquals(2, result.code(), result.out() + result.err());
    assertTrue(result.err().contains("SEQ_2_SEQ_LM"), result.err());
    assertFalse(Files.exists(dir.resolve("out")));
  }

  @Test
  void anAdapterOfAModelWithAHeadButNoHeadInIt() throws IOException {
    classifier();
    JsonNode config = merged(foreign("", name -> name.contains("classifier") ? "" : name));
    assertEquals("BertModel", config.at("/architectures/0").asText());
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(dir.resolve("merged-adapter-"))) {
      assertEquals(before.names().size(), after.names().size(), after.names().toString());
    }
  }

  @Test
  void aClassForEachWord() throws IOException {
    Path data = Files.writeString(dir.resolve("words.jsonl"), """
        {"text": "the film is good", "tags": ["O", "THING", "O", "MOOD"]}
        {"text": "a  plot is very bad", "tags": "O THING O O MOOD"}
        """.repeat(10));
    train(data, "--task", "token_classification", "--data.label", "tags", "--data.eval", data, "--max_steps", 60, "--optimizer.learning_rate",
        "3e-2");
    JsonNode eval = JSON.readTree(Cli.ok("eval", run, "--json").out()).path("adapter");
    assertTrue(eval.path("accuracy").asDouble() > 0.9 && eval.has("loss"), eval.toString());
    String answer = Cli.ok("predict", run, "--text", "the plot is good").out();
    assertEquals("O THING O MOOD\tthe plot is good", answer.strip());
    assertEquals("BertForTokenClassification", merged(run.resolve("adapter")).at("/architectures/0").asText());
    Path short1 = Files.writeString(dir.resolve("short.jsonl"), "{\"text\": \"the film\", \"tags\": \"O\"}\n");
    Cli wrong = Cli.run("eval", run, "--data", short1);
    assertEquals(3, wrong.code());
    assertTrue(wrong.err().contains("short.jsonl, line 1: 2 words but 1 labels"), wrong.err());
  }
}
