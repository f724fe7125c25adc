package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import io.github.lora4j.vector.Elements;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Merged models in other element types and in several files say what the plain one says. */
class MergeFormsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  private Path dir;
  private Path model;
  private Path run;

  @BeforeEach
  void train() throws IOException {
    model = TinyBert.model(dir.resolve("model"), true);
    ObjectNode config = (ObjectNode) JSON.readTree(model.resolve("config.json").toFile());
    JSON.writeValue(model.resolve("config.json").toFile(), config.put("dtype", "float32"));
    Files.writeString(model.resolve("generation_config.json"), "{}");
    Files.writeString(Files.createDirectories(model.resolve("additional_chat_templates")).resolve("rag.jinja"), "{{ messages }}");
    run = dir.resolve("run");
    Path data = TinyBert.tsv(dir.resolve("data.tsv"), 20, 1);
    Cli.ok("train", "--task", "classification", "--model", model, "--output", run, "--data.train", data, "--data.text", "sentence", "--data.label",
        "mood", "--optimizer.learning_rate", "1e-2", "--batch_size", 4, "--max_steps", 4, "--adapter.target_modules", "query,output.dense");
  }

  /** Each element is the plain merge's, which is F32, rounded once. */
  @ParameterizedTest
  @CsvSource({"f32,float32", "f16,float16", "bf16,bfloat16"})
  void everyTypeIsTheSumRoundedOnce(String dtype, String torch) throws IOException {
    Path plain = dir.resolve("plain");
    Path typed = dir.resolve("typed");
    Cli.ok("merge", run, "--output", plain);
    Cli.ok("merge", run, "--dtype", dtype, "--output", typed);
    DType type = DType.valueOf(dtype.toUpperCase(java.util.Locale.ROOT));
    try (Checkpoint expected = Checkpoint.open(plain); Checkpoint actual = Checkpoint.open(typed); Arena arena = Arena.ofConfined()) {
      assertEquals(expected.names(), actual.names());
      for (String name : expected.names()) {
        TensorInfo info = actual.info(name);
        assertEquals(type, info.dtype(), name);
        MemorySegment floats = arena.allocate(info.elements() * 4, 8);
        expected.read(name, DType.F32, floats);
        MemorySegment rounded = arena.allocate(info.bytes(), 8);
        new Elements(DType.F32).convert(floats, new Elements(type), rounded, info.elements());
        MemorySegment got = arena.allocate(info.bytes(), 8);
        actual.read(name, type, got);
        assertEquals(-1, rounded.mismatch(got), name);
      }
    }
    JsonNode config = JSON.readTree(typed.resolve("config.json").toFile());
    assertEquals(torch, config.path("dtype").asText());
    assertFalse(config.has("torch_dtype"), config.toString());
    assertTrue(Files.exists(typed.resolve("generation_config.json")) && Files.exists(typed.resolve("additional_chat_templates/rag.jinja")));
  }

  @Test
  void aLargeModelIsWrittenInShardsThatReadAsOne() throws IOException {
    Path plain = dir.resolve("plain");
    Path sharded = dir.resolve("sharded");
    Cli.ok("merge", run, "--output", plain);
    Cli.ok("merge", run, "--shard-size", "2kB", "--output", sharded);
    JsonNode index = JSON.readTree(sharded.resolve("model.safetensors.index.json").toFile());
    try (Stream<Path> files = Files.list(sharded)) {
      List<String> shards = files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".safetensors")).sorted().toList();
      assertTrue(shards.size() > 2, shards.toString());
      assertEquals("model-00001-of-%05d.safetensors".formatted(shards.size()), shards.getFirst());
      for (String shard : shards) {
        try (Checkpoint part = Checkpoint.open(sharded.resolve(shard))) {
          long bytes = part.names().stream().mapToLong(name -> part.info(name).bytes()).sum();
          assertTrue(bytes <= 2000 || part.names().size() == 1, shard + " has " + bytes);
          part.names().forEach(name -> assertEquals(shard, index.path("weight_map").path(name).asText()));
        }
      }
    }
    long total = 0;
    try (Checkpoint one = Checkpoint.open(plain); Checkpoint many = Checkpoint.open(sharded); Arena arena = Arena.ofConfined()) {
      assertEquals(one.names().size(), many.names().size());
      for (String name : one.names()) {
        total += one.info(name).bytes();
        MemorySegment expected = arena.allocate(one.info(name).bytes(), 8);
        one.read(name, one.info(name).dtype(), expected);
        MemorySegment actual = arena.allocate(expected.byteSize(), 8);
        many.read(name, many.info(name).dtype(), actual);
        assertEquals(-1, expected.mismatch(actual), name);
      }
    }
    assertEquals(total, index.at("/metadata/total_size").asLong());
    assertArrayEquals(Files.readAllBytes(plain.resolve("config.json")), Files.readAllBytes(sharded.resolve("config.json")));
  }

  /** A weight too large for F16, adapted or not, stops the merge and is named; BF16 holds it. */
  @ParameterizedTest
  @ValueSource(strings = {"bert.embeddings.LayerNorm.weight", "bert.encoder.layer.0.attention.self.query.weight"})
  void aNumberTooLargeForTheTypeIsRefusedByName(String tensor) throws IOException {
    Path large = dir.resolve("large");
    Files.createDirectories(large);
    for (String file : List.of("config.json", "vocab.txt")) {
      Files.copy(model.resolve(file), large.resolve(file));
    }
    try (Checkpoint base = Checkpoint.open(model)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      base.names().forEach(name -> writer.add(base.info(name), data -> {
        base.read(name, base.info(name).dtype(), data);
        if (tensor.endsWith(name)) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, 1, 1e6f);
        }
      }));
      writer.write(large.resolve("model.safetensors"));
    }
    Path output = dir.resolve("out");
    Cli refused = Cli.run("merge", run, "--model", large, "--dtype", "f16", "--output", output);
    assertEquals(3, refused.code(), refused.out() + refused.err());
    assertTrue(refused.err().contains("element 1 of " + tensor) && refused.err().contains("F16"), refused.err());
    try (Stream<Path> files = Files.list(dir)) {
      assertTrue(files.noneMatch(file -> file.getFileName().toString().startsWith(".lora4j") || file.equals(output)));
    }
    Cli.ok("merge", run, "--model", large, "--dtype", "bf16", "--output", output);
  }

  @Test
  void wrongOptionsAreNamed() {
    Path output = dir.resolve("out");
    String[][] wrong = {{"--to", "pickle", "--to pickle"}, {"--dtype", "f8", "--dtype f8"}, {"--shard-size", "many", "--shard-size"},
        {"--shard-size", "0", "--shard-size"}};
    for (String[] one : wrong) {
      Cli result = Cli.run("merge", run, one[0], one[1], "--output", output);
      assertEquals(2, result.code(), result.err());
      assertTrue(result.err().contains(one[2]), result.err());
      assertFalse(Files.exists(output));
    }
  }
}
