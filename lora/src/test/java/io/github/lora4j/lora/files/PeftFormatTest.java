package io.github.lora4j.lora.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.TestModels;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeftFormatTest {

  @TempDir
  Path temp;
  private Path directory;
  private LoraAdapter adapter;

  @BeforeEach
  void save() {
    directory = temp.resolve("adapter");
    adapter = new LoraMethod().create(LoraConfig.builder().taskType(TaskType.SEQ_CLS).r(4).bias(Bias.ALL)
        .initLoraWeights(InitLoraWeights.RANDOM)
        .baseModel("some/base").build(), TestModels.bert());
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(5)) {
      PeftFormat.save(directory, adapter, values);
    }
  }

  @Test
  void whatIsSavedLoadsTheSame() throws IOException {
    try (LoadedAdapter loaded = PeftFormat.load(directory, TestModels.bert());
        AdapterValues values = new AdapterValues(adapter.parameters()).initialise(5)) {
      assertEquals(adapter.parameters().stream().map(AdapterParameter::slot).toList(),
          loaded.adapter().parameters().stream().map(AdapterParameter::slot).toList());
      for (AdapterParameter p : adapter.parameters()) {
        assertEquals(-1, values.get(p.slot()).mismatch(loaded.values().get(p.slot())), p.slot());
      }
      assertEquals(adapter.config().toPeft(), ((LoraAdapter) loaded.adapter()).config().toPeft());
      assertEquals(List.of(), loaded.adapter().notes());
    }
    assertEquals(List.of("README.md", "adapter_config.json", "adapter_model.safetensors"), names(directory));
    assertEquals(List.of("adapter"), names(temp));
  }

  @Test
  void replacesAnAdapterButNothingElse() throws IOException {
    Files.writeString(directory.resolve("README.md"), "my own words");
    try (AdapterValues values = new AdapterValues(adapter.parameters()).initialise(6)) {
      PeftFormat.save(directory, adapter, values);
      assertEquals("my own words", Files.readString(directory.resolve("README.md")));
      try (LoadedAdapter loaded = PeftFormat.load(directory, TestModels.bert())) {
        String slot = adapter.parameters().getFirst().slot();
        assertEquals(-1, values.get(slot).mismatch(loaded.values().get(slot)));
      }
      Files.writeString(directory.resolve("thesis.txt"), "years of work");
      assertTrue(assertThrows(ConfigException.class, () -> PeftFormat.save(directory, adapter, values)).getMessage()
          .contains("thesis.txt"));
      assertThrows(ConfigException.class, () -> PeftFormat.save(directory.resolve("thesis.txt"), adapter, values));
    }
    assertEquals("years of work", Files.readString(directory.resolve("thesis.txt")));
    assertEquals(List.of("adapter"), names(temp));
  }

  @Test
  void aFailedSaveLeavesWhatWasThere() throws IOException {
    byte[] before = Files.readAllBytes(directory.resolve(PeftFormat.WEIGHTS));
    AdapterValues empty = new AdapterValues(List.of());
    assertThrows(ConfigException.class, () -> PeftFormat.save(directory, adapter, empty));
    assertEquals(List.of("adapter"), names(temp));
    org.junit.jupiter.api.Assertions.assertArrayEquals(before, Files.readAllBytes(directory.resolve(PeftFormat.WEIGHTS)));
  }

  @Test
  void missingUnexpectedAndMisshapenTensorsAreListedTogether() throws IOException {
    rewrite(tensors -> {
      tensors.remove("base_model.model.classifier.weight");
      tensors.put("base_model.model.bert.encoder.layer.7.attention.self.query.lora_A.weight", List.of(4L, 24L));
      tensors.put("base_model.model.classifier.bias", List.of(2L));
      return tensors;
    });
    String message = loadFails();
    for (String part : List.of("3 problems", "1 of the tensors is missing: base_model.model.classifier.weight",
        "unexpected: base_model.model.bert.encoder.layer.7",
        "base_model.model.classifier.bias is [2], expected [3]", "some/base")) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void manyKeysAreCutAtTenWithTheirNumber() throws IOException {
    rewrite(tensors -> {
      tensors.keySet().removeIf(k -> k.contains("lora_"));
      return tensors;
    });
    String message = loadFails();
    assertTrue(message.contains("8 of the tensors are missing"), message);
    rewrite(tensors -> {
      Map<String, List<Long>> renamed = new LinkedHashMap<>();
      tensors.forEach((k, v) -> renamed.put(k.substring("base_model.model.".length()), v));
      return renamed;
    });
    String prefix = loadFails();
    assertTrue(prefix.contains("begin with 'base_model.model.'") && prefix.contains(" more"), prefix);
  }

  @Test
  void aRankThatDisagreesIsSaidToBeTheRank() throws IOException {
    Path config = directory.resolve(PeftFormat.CONFIG);
    Files.writeString(config, Files.readString(config).replace("\"r\": 4", "\"r\": 8"));
    assertTrue(loadFails().contains("Only the rank differs"), loadFails());
  }

  @Test
  void keysWithTheAdaptersNameAreRead() throws IOException {
    rewrite(tensors -> {
      Map<String, List<Long>> renamed = new LinkedHashMap<>();
      tensors.forEach((k, v) -> renamed.put(k.replace(".lora_A.weight", ".lora_A.default.weight"), v));
      return renamed;
    });
    PeftFormat.load(directory, TestModels.bert()).close();
  }

  @Test
  void aBrokenDirectoryIsAClearError() throws IOException {
    Files.delete(directory.resolve(PeftFormat.WEIGHTS));
    assertTrue(loadFails().contains("no tensors"), loadFails());
    Files.write(directory.resolve("adapter_model.bin"), new byte[] {'P', 'K'});
    assertTrue(loadFails().contains("adapter_model.bin: is no file that torch.save wrote"), loadFails());
    Files.delete(directory.resolve(PeftFormat.CONFIG));
    assertTrue(loadFails().contains("there is no such file"), loadFails());
  }

  private String loadFails() {
    return assertThrows(FormatException.class, () -> PeftFormat.load(directory, TestModels.bert())).getMessage();
  }

  /** Writes the tensors' file anew with other names and shapes, all zero. */
  private void rewrite(UnaryOperator<Map<String, List<Long>>> change) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    try (Checkpoint file = Checkpoint.open(directory.resolve(PeftFormat.WEIGHTS))) {
      file.names().forEach(name -> shapes.put(name, file.info(name).shape()));
    }
    SafetensorsWriter writer = new SafetensorsWriter();
    change.apply(shapes).forEach((name, shape) -> {
      TensorInfo info = new TensorInfo(name, DType.F32, shape);
      writer.add(info, MemorySegment.ofArray(new byte[Math.toIntExact(info.bytes())]));
    });
    writer.write(directory.resolve(PeftFormat.WEIGHTS));
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }
}
