package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.models.ModelDirectory;
import io.github.lora4j.train.export.MergedForm;
import io.github.lora4j.train.export.MergedModel;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A directory of Hugging Face's form, with an adapter that adds zero, becomes the GGUF file that llama.cpp's converter makes of it. */
class GoldenGgufMergeTest {

  private static final String FOLDER = "gguf/models";
  /** What a converter says of itself, and what a reader does not look at. */
  private static final Set<String> COURTESY = Set.of("general.name", "general.size_label", "general.quantization_version", "tokenizer.ggml.add_sep_token");
  /** What is said here although it is what a reader takes it for anyway. */
  private static final Set<String> SAID = Set.of("vocab_size", "rope.dimension_count", "rope.freq_base", "attention.key_length", "attention.value_length",
      "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.unknown_token_id");

  @TestFactory
  Stream<DynamicTest> merged() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      for (String format : List.of("f32", "q8_0")) {
        if (Files.exists(dir.resolve(format + ".gguf")) && Files.exists(dir.resolve("f32.gguf")) && Files.exists(dir.resolve("adapter"))) {
          checks.put(GoldenCases.name(dir) + ": " + format, () -> same(dir, format));
        }
      }
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  /** A quantised base keeps its keys and every byte that the adapter does not touch; the rest is quantised again, or written in 16 bits. */
  @TestFactory
  Stream<DynamicTest> quantisedBases() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    for (Path dir : GoldenCases.directories(FOLDER)) {
      for (String format : List.of("q8_0", "q4_0", "q5_1", "q4_k_m", "q6_k")) {
        if (Files.exists(dir.resolve(format + ".gguf")) && Files.exists(dir.resolve("adapter"))) {
          checks.put(GoldenCases.name(dir) + ": " + format, () -> quantised(dir.resolve(format + ".gguf"), dir.resolve("adapter")));
        }
      }
    }
    return GoldenCases.tests(FOLDER, checks);
  }

  private static void quantised(Path base, Path adapter) throws IOException {
    Path temp = Files.createTempDirectory("merge");
    try {
      Path again = temp.resolve("again.gguf");
      List<String> notes = MergedModel.ofAdapter(base, adapter, new MergedForm.Gguf(Optional.empty(), Optional.empty(), false), again);
      assertTrue(notes.getFirst().contains("noise"), notes.toString());
      Path half = temp.resolve("half.gguf");
      assertEquals(List.of(), MergedModel.ofAdapter(base, adapter, new MergedForm.Gguf(Optional.empty(), Optional.of(WeightFormat.F16), false), half));
      try (GgufFile from = GgufFile.open(base); GgufFile quantised = GgufFile.open(again); GgufFile halves = GgufFile.open(half);
          Checkpoint adapted = Checkpoint.open(adapter.resolve("adapter_model.safetensors"))) {
        assertEquals(from.metadata().values(), quantised.metadata().values());
        assertEquals(from.metadata().values(), halves.metadata().values());
        int touched = 0;
        for (GgufTensor tensor : from.tensors()) {
          assertEquals(tensor, quantised.tensor(tensor.name()));
          boolean same = halves.tensor(tensor.name()).equals(tensor);
          touched += same ? 0 : 1;
          assertEquals(same, Arrays.equals(bytes(from, tensor), bytes(quantised, tensor)), tensor.name());
          assertEquals(same ? tensor.type() : GgmlType.F16, halves.tensor(tensor.name()).type());
          if (same) {
            assertArrayEquals(bytes(from, tensor), bytes(halves, tensor), tensor.name());
          }
        }
        assertEquals(adapted.names().size() / 2, touched);
      }
    } finally {
      Numbers.delete(temp);
    }
  }

  private static byte[] bytes(GgufFile file, GgufTensor tensor) {
    byte[] bytes = new byte[(int) tensor.bytes()];
    file.read(tensor.name(), 0, MemorySegment.ofArray(bytes));
    return bytes;
  }

  private static void same(Path dir, String format) throws IOException {
    Path temp = Files.createTempDirectory("merge");
    try {
      Path model = directory(dir, temp.resolve("model"));
      Path file = temp.resolve("merged.gguf");
      List<String> notes = MergedModel.ofAdapter(model, zero(dir.resolve("adapter"), temp.resolve("adapter")),
          new MergedForm.Gguf(Optional.of(WeightFormats.named(format)), Optional.empty(), false), file);
      assertEquals(List.of(), notes);
      try (GgufFile want = GgufFile.open(dir.resolve(format + ".gguf")); GgufFile got = GgufFile.open(file)) {
        keys(want, got);
        tensors(want, got);
      }
    } finally {
      Numbers.delete(temp);
    }
  }

  /** The case's files as a directory; its weights are those of the F32 file where it has no other ones. */
  static Path directory(Path dir, Path model) throws IOException {
    Files.createDirectories(model);
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model")) {
      if (Files.exists(dir.resolve(name))) {
        Files.copy(dir.resolve(name), model.resolve(name));
      }
    }
    Path weights = dir.resolve("model.safetensors");
    copy(Files.exists(weights) ? Checkpoint.open(weights) : ModelDirectory.open(dir.resolve("f32.gguf")).checkpoint(),
        model.resolve("model.safetensors"), false);
    return model;
  }

  static Path zero(Path from, Path adapter) throws IOException {
    Files.createDirectories(adapter);
    Files.copy(from.resolve("adapter_config.json"), adapter.resolve("adapter_config.json"));
    copy(Checkpoint.open(from.resolve("adapter_model.safetensors")), adapter.resolve("adapter_model.safetensors"), true);
    return adapter;
  }

  private static void copy(Checkpoint from, Path to, boolean zero) {
    try (from) {
      SafetensorsWriter writer = new SafetensorsWriter();
      from.names().forEach(name -> writer.add(from.info(name), data -> {
        from.read(name, from.info(name).dtype(), data);
        if (zero && name.contains("lora_B")) {
          data.fill((byte) 0);
        }
      }));
      writer.write(to);
    }
  }

  private static void keys(GgufFile want, GgufFile got) {
    Map<String, GgufValue> expected = new TreeMap<>(want.metadata().values());
    Map<String, GgufValue> actual = new TreeMap<>(got.metadata().values());
    expected.keySet().removeAll(COURTESY);
    actual.keySet().removeAll(COURTESY);
    expected.forEach((key, value) -> assertEquals(value, actual.get(key), key));
    Set<String> more = new TreeSet<>(actual.keySet());
    more.removeAll(expected.keySet());
    assertTrue(more.stream().allMatch(key -> SAID.contains(key) || SAID.contains(key.substring(key.indexOf('.') + 1))), "more: " + more);
  }

  private static void tensors(GgufFile want, GgufFile got) {
    assertEquals(names(want), names(got));
    for (GgufTensor tensor : want.tensors()) {
      assertEquals(tensor, got.tensor(tensor.name()));
      assertArrayEquals(bytes(want, tensor), bytes(got, tensor), tensor.name());
    }
  }

  private static TreeSet<String> names(GgufFile file) {
    return file.tensors().stream().map(GgufTensor::name).collect(Collectors.toCollection(TreeSet::new));
  }
}
