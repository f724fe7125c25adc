package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.cli.InProcess;
import io.github.lora4j.testkit.TinyBert;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every recipe of {@code examples/} runs as a file: only its paths are others, of a small model and as much data as the batch needs. */
class ExamplesTest {

  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
  private static final int ROWS = 24;
  private static final List<String> WORDS = List.of("good", "bad", "film", "a", "how", "to", "read", "file");

  @TempDir
  private static Path dir;

  @TestFactory
  Stream<DynamicTest> everyExampleRuns() throws IOException {
    Path examples = Stream.of("../examples", "examples").map(Path::of).filter(Files::isDirectory).findFirst().orElseThrow();
    try (Stream<Path> files = Files.list(examples)) {
      List<Path> recipes = files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
      assertTrue(recipes.size() >= 7, recipes.toString());
      return recipes.stream().map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> run(file)));
    }
  }

  private static void run(Path example) throws IOException {
    Path own = Files.createDirectory(dir.resolve(example.getFileName().toString().replace(".yaml", "")));
    ObjectNode recipe = (ObjectNode) YAML.readTree(Files.readString(example));
    String task = recipe.path("task").asText();
    recipe.put("model", model(task, own.resolve("model")).toString()).put("output", own.resolve("run").toString());
    ObjectNode data = (ObjectNode) recipe.path("data");
    for (String part : List.of("train", "eval")) {
      if (data.has(part)) {
        Path file = own.resolve(part + data.path(part).textValue().replaceFirst(".*(?=\\.)", ""));
        Files.write(file, rows(task, file, data));
        data.put(part, file.toString());
      }
    }
    // The small models have fewer positions.
    if (data.has("max_length")) {
      data.put("max_length", Math.min(data.path("max_length").intValue(), switch (task) {
        case "embedding", "token_classification", "question_answering", "masked_lm" -> 32;
        case "seq2seq" -> 96;
        default -> 256;
      }));
    }
    Path file = own.resolve("recipe.yaml");
    YAML.writeValue(file.toFile(), recipe);
    run(own, "train", file, "--dry-run", "--threads", 1);
    String trained = run(own, "train", file, "--threads", 1);
    assertTrue(Files.isRegularFile(own.resolve("run/adapter/adapter_model.safetensors")), trained);
    assertTrue(Files.isRegularFile(own.resolve("run/report.html")), trained);
    if (data.has("eval")) {
      String eval = run(own, "eval", own.resolve("run"), "--threads", 1);
      assertTrue(eval.matches("(?s).*(loss|accuracy|mrr|recall).*"), eval);
    }
  }

  private static String run(Path own, Object... arguments) {
    InProcess done = InProcess.run(arguments);
    assertEquals(0, done.code(), own.getFileName() + ": " + done.output());
    return done.output();
  }

  private static Path model(String task, Path directory) throws IOException {
    return switch (task) {
      case "classification", "embedding", "token_classification", "question_answering", "masked_lm" -> {
        TinyBert.copyTo(directory);
        if (task.equals("masked_lm")) {
          withWords(directory.resolve("model.safetensors"));
        }
        Files.write(directory.resolve("vocab.txt"), List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a", "how", "to",
            "read",
            "file"));
        yield directory;
      }
      case "seq2seq" -> {
        Files.createDirectories(directory);
        for (String file : List.of("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")) {
          try (InputStream in = ExamplesTest.class.getResourceAsStream("/tiny-t5/" + file)) {
            Files.copy(in, directory.resolve(file));
          }
        }
        yield directory;
      }
      default -> TinyLlama.copyTo(directory);
    };
  }

  /** Adds a head over the vocabulary, whose weights are those of an encoder's feed-forward layer cut to size. */
  private static void withWords(Path file) throws IOException {
    Path whole = file.resolveSibling("whole.safetensors");
    try (Arena arena = Arena.ofConfined(); Checkpoint encoder = Checkpoint.open(file)) {
      SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
      List<Long> words = encoder.info("bert.embeddings.word_embeddings.weight").shape();
      Map<String, List<Long>> head = Map.of("transform.dense.weight", List.of(words.get(1), words.get(1)), "transform.dense.bias",
          List.of(words.get(1)), "transform.LayerNorm.weight", List.of(words.get(1)), "transform.LayerNorm.bias", List.of(words.get(1)), "bias",
          List.of(words.getFirst()));
      encoder.names().forEach(name -> add(writer, arena, name, encoder.info(name).shape(), data -> encoder.read(name, DType.F32, data)));
      head.forEach((name, shape) -> add(writer, arena, "cls.predictions." + name, shape, data -> {
        for (long i = 0; i < data.byteSize() / 4; i++) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i));
        }
      }));
      writer.write(whole);
    }
    Files.move(whole, file, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void add(SafetensorsWriter writer, Arena arena, String name, List<Long> shape, Consumer<MemorySegment> values) {
    TensorInfo info = new TensorInfo(name, DType.F32, shape);
    MemorySegment data = arena.allocate(info.bytes(), 64);
    values.accept(data);
    writer.add(info, data);
  }

  /** Rows in the form that the recipe's comments promise. */
  private static List<String> rows(String task, Path file, JsonNode data) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".tsv")) {
      List<String> rows = new ArrayList<>(List.of(data.path("text").asText() + "\t" + data.path("label").asText()));
      IntStream.range(0, 8 * ROWS).mapToObj(i -> "a %s film\t%d".formatted(i % 2 == 0 ? "good" : "bad", i % 2)).forEach(rows::add);
      return rows;
    }
    if (name.endsWith(".txt") && task.equals("masked_lm")) {
      return IntStream.range(0, 2 * ROWS).mapToObj(i -> "how to read a %s file".formatted(WORDS.get(i % 2))).toList();
    }
    if (name.endsWith(".txt")) {
      return List.of("Who bakes the bread? The baker bakes the bread. ".repeat(40));
    }
    List<String> rows = IntStream.range(0, ROWS).mapToObj(i -> row(task, name, data, i)).toList();
    return name.endsWith(".json") ? List.of("[" + String.join(",\n", rows) + "]") : rows;
  }

  private static String row(String task, String file, JsonNode data, int i) {
    String question = "What is %d and one?".formatted(i);
    return switch (task) {
      case "chat" -> file.endsWith(".json") ? "{\"instruction\": \"%s\", \"input\": \"\", \"output\": \"%d\"}".formatted(question, i + 1)
          : ("{\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}, {\"role\": \"assistant\", \"content\": \"%d\"}]}").formatted(question, i
              + 1);
      case "dpo" -> "{\"prompt\": \"%s\", \"chosen\": \"%d\", \"rejected\": \"%d\"}".formatted(question, i + 1, i + 2);
      case "embedding" -> "{\"%s\": \"how to %s a %s\", \"%s\": \"%s file %s\"}".formatted(data.path("text").asText(),
          WORDS.get(i % 8), WORDS.get(i / 8), data.path("text_pair").asText(), WORDS.get(i % 8), WORDS.get(i / 8));
      case "token_classification" -> "{\"text\": \"read a %s film\", \"tags\": [\"O\", \"O\", \"%s\", \"O\"]}".formatted(WORDS.get(i % 2),
          i % 2 == 0 ? "GOOD" : "BAD");
      case "question_answering" -> "{\"question\": \"how\", \"context\": \"a %s film\", \"answers\": [\"%s\"]}".formatted(WORDS.get(i % 2),
          WORDS.get(i % 2));
      case "seq2seq" -> "{\"source\": \"%s\", \"target\": \"%d\"}".formatted(question, i + 1);
      default -> throw new AssertionError("a new task: write rows for it here");
    };
  }
}
