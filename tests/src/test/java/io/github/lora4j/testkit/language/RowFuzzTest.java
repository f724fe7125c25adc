package io.github.lora4j.testkit.language;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.tasks.TrainingTask;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of all formats, changed in their values, their structure and their bytes: they become examples, or are refused with their place. */
class RowFuzzTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> ROWS = List.of(
      "{\"text\": \"The baker bakes the bread.\", \"weight\": 0.5}",
      "{\"prompt\": \"Who bakes?\", \"completion\": \"The baker.\"}",
      "{\"prompt\": [{\"role\": \"user\", \"content\": \"Who?\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"Paris.\"}], "
          + "\"label\": true}",
      "{\"instruction\": \"Add\", \"input\": \"1 2\", \"output\": \"3\", \"history\": [[\"a\", \"b\"]], \"system\": \"s\"}",
      "{\"conversations\": [{\"from\": \"human\", \"value\": \"h\"}, {\"from\": \"gpt\", \"value\": \"g\"}], \"system\": \"s\", \"tools\": \"[]\"}",
      "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]}, "
          + "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"1\", \"type\": \"function\", \"function\": {\"name\": \"f\", "
              + "\"arguments\": \"{}\"}}]}, "
          + "{\"role\": \"tool\", \"content\": \"2\"}, {\"role\": \"assistant\", \"content\": \"x\", \"weight\": 1}], \"tools\": [{\"type\": "
              + "\"function\"}]}",
      "{\"chosen\": [{\"role\": \"user\", \"content\": \"Q\"}, {\"role\": \"assistant\", \"content\": \"A\"}], \"rejected\": [{\"role\": "
          + "\"user\", \"content\": "
          + "\"Q\"}, {\"role\": \"assistant\", \"content\": \"B\"}]}",
      "{\"prompt\": \"p\", \"chosen\": \"a b\", \"rejected\": \"a c\"}",
      "{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}, {\"role\": \"assistant\", \"content\": \"A\"}], \"kto_tag\": false}");
  private static final DataSpec TYPED = new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.empty(), 0,
      Optional.of(new DataSpec.Typed(List.of(), List.of())));

  @TempDir
  private Path dir;

  @Test
  void changedRows() throws IOException {
    Path model = TinyLlama.copyTo(dir.resolve("model"));
    Path file = dir.resolve("rows.jsonl");
    RowReader reader = new RowReader(file, Tokenizer.load(model), 64, List.of(), true, ModelTexts.of(model));
    // A Llama reads no sources, and cannot say which token a target begins with.
    Path sources = TinySource.copyTo("tiny-t5", dir.resolve("sources"));
    RowReader ofSources = new RowReader(file, Tokenizer.load(sources), 64, List.of(), true, ModelTexts.of(sources));
    // Nor has it a token that stands for one to be guessed.
    Path masks = TinyLlama.copyTo(dir.resolve("masks"));
    Path config = masks.resolve("tokenizer_config.json");
    Files.writeString(config, Files.readString(config).replaceFirst("\\{", "{\"mask_token\": \"<|im_end|>\","));
    RowReader ofMasks = new RowReader(file, Tokenizer.load(masks), 64, List.of(), true, ModelTexts.of(masks));
    Map<String, RowReader> readers = Map.of("seq2seq", ofSources, "masked_lm", ofMasks);
    List<TrainingTask> tasks = List.copyOf(TrainingTask.all().values().stream().filter(TrainingTask::typedRows).toList());
    SplittableRandom random = new SplittableRandom(Long.getLong("fuzz.seed", 3));
    int times = Integer.getInteger("fuzz.rows", 3000);
    int read = 0;
    int learnt = 0;
    for (int i = 0; i < times; i++) {
      String row = changed(random);
      Files.write(file, random.nextInt(4) == 0 ? bytes(row, random) : row.getBytes(StandardCharsets.UTF_8));
      try {
        for (Row typed : DataFile.read(file, TYPED)) {
          read++;
          for (TrainingTask task : tasks) {
            try {
              learnt += task.examples(typed, readers.getOrDefault(task.name(), reader)).size();
            } catch (Lora4jException e) {
              placed(e, file);
            }
          }
        }
      } catch (Lora4jException e) {
        placed(e, file);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("row %d: %s".formatted(i, row), e);
      }
    }
    assertTrue(read > times / 10 && read < times && learnt > times / 10, "%d of %d rows read, %d examples".formatted(read, times, learnt));
  }

  private static void placed(Lora4jException e, Path file) {
    assertTrue(e.getMessage().startsWith(file + ", line 1") || e.getMessage().startsWith(file + " ") || e.getMessage().contains("chat_template"),
        e.getMessage());
  }

  private static byte[] bytes(String row, SplittableRandom random) {
    byte[] bytes = row.getBytes(StandardCharsets.UTF_8);
    for (int i = random.nextInt(1, 4); i > 0 && bytes.length > 0; i--) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    return bytes;
  }

  private static String changed(SplittableRandom random) throws IOException {
    JsonNode tree = JSON.readTree(ROWS.get(random.nextInt(ROWS.size())));
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      List<JsonNode> inner = new ArrayList<>();
      collect(tree, inner);
      JsonNode at = inner.get(random.nextInt(inner.size()));
      JsonNode value = value(random);
      if (at instanceof ObjectNode object && !object.isEmpty()) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        String name = names.get(random.nextInt(names.size()));
        switch (random.nextInt(4)) {
          case 0 -> object.remove(name);
          case 1 -> object.set(new String[] {"text", "weight", "role", "content", "label", "tools", "x"}[random.nextInt(7)], value);
          default -> object.set(name, value);
        }
      } else if (at instanceof ArrayNode array) {
        switch (random.nextInt(3)) {
          case 0 -> array.removeAll();
          case 1 -> array.add(value);
          default -> array.insert(0, value);
        }
      }
    }
    return tree.toString();
  }

  private static void collect(JsonNode node, List<JsonNode> inner) {
    if (node.isContainerNode()) {
      inner.add(node);
      node.forEach(child -> collect(child, inner));
    }
  }

  private static JsonNode value(SplittableRandom random) throws IOException {
    JsonNodeFactory make = JsonNodeFactory.instance;
    return switch (random.nextInt(12)) {
      case 0 -> make.nullNode();
      case 1 -> make.numberNode(random.nextInt(-2, 3));
      case 2 -> make.numberNode(random.nextDouble() * 1e300);
      case 3 -> make.booleanNode(random.nextBoolean());
      case 4 -> make.textNode("");
      case 5 -> make.textNode("[{");
      case 6 -> make.textNode("\u0000\uD83D <|im_end|> \uFFFF");
      case 7 -> make.arrayNode();
      case 8 -> make.objectNode();
      case 9 -> make.textNode("assistant");
      case 10 -> make.textNode("word ".repeat(200));
      default -> JSON.readTree("[".repeat(50) + "]".repeat(50));
    };
  }
}
