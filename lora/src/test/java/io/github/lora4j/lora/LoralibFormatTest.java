package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoralibFormatTest {

  private static final ModelDescription MODEL = ModelDescription.of("gpt2", List.of(ModuleInfo.embedding("wte", 11, 4),
      ModuleInfo.conv1d("h.c_attn", 4, 12), ModuleInfo.linear("h.proj", 4, 4, true),
      ModuleInfo.convolution("conv", new Convolution(4, List.of(2, 3), List.of(1, 1), List.of(0, 0), List.of(1, 1), 1), 4, false),
      ModuleInfo.linear("score", 4, 2, false)));

  @TempDir
  private Path dir;
  private final Map<String, List<Long>> tensors = new LinkedHashMap<>();

  private LoralibFormatTest tensor(String name, long... shape) {
    tensors.put(name, java.util.Arrays.stream(shape).boxed().toList());
    return this;
  }

  private LoadedAdapter load(List<Boolean> enabled, Optional<TaskType> task) {
    Path file = dir.resolve("loralib.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, shape) -> {
      float[] values = new float[Math.toIntExact(shape.stream().reduce(1L, (a, b) -> a * b))];
      for (int i = 0; i < values.length; i++) {
        values[i] = name.hashCode() % 7 + i;
      }
      writer.add(new TensorInfo(name, DType.F32, shape), MemorySegment.ofArray(values));
    });
    writer.write(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return LoralibFormat.load(checkpoint, 16, enabled, MODEL, task);
    }
  }

  private void refused(List<Boolean> enabled, String... says) {
    String message = assertThrows(FormatException.class, () -> load(enabled, Optional.empty())).getMessage();
    for (String part : says) {
      assertTrue(message.contains(part), message);
    }
    assertTrue(message.contains("loralib.safetensors"), message);
    tensors.clear();
  }

  @Test
  void ranksScalesBiasesAndHeads() {
    tensor("h.c_attn.lora_A", 6, 4).tensor("h.c_attn.lora_B", 8, 3).tensor("h.proj.lora_A", 2, 4).tensor("h.proj.lora_B", 4, 2)
        .tensor("h.c_attn.bias", 12).tensor("h.proj.bias", 4).tensor("score.weight", 2, 4);
    try (LoadedAdapter loaded = load(List.of(true, false, true), Optional.of(TaskType.SEQ_CLS))) {
      LoraAdapter adapter = (LoraAdapter) loaded.adapter();
      assertEquals(List.of(6, 2), adapter.sites().values().stream().map(s -> s.target().rank()).toList());
      assertEquals(List.of(16 / 3.0, 8.0), adapter.sites().values().stream().map(s -> s.target().scaling()).toList());
      assertEquals(Bias.LORA_ONLY, adapter.config().bias());
      assertEquals(List.of("h.c_attn.bias", "h.proj.bias", "score.weight"), adapter.parameters().stream().filter(AdapterParameter::ofBase)
          .map(AdapterParameter::slot).toList());
      // What is written reads back: PEFT's form says all of it.
      PeftFormat.save(dir.resolve("peft"), adapter, loaded.values());
      try (LoadedAdapter again = PeftFormat.load(dir.resolve("peft"), MODEL)) {
        assertEquals(adapter.parameters(), again.adapter().parameters());
        adapter.parameters().forEach(p -> assertEquals(-1, loaded.values().get(p.slot()).mismatch(again.values().get(p.slot()))));
      }
    }
  }

  @Test
  void whatDoesNotFit() {
    tensor("h.proj.lora_A", 2, 4);
    refused(List.of(), "h.proj.lora_A is there, but h.proj.lora_B is missing");
    tensor("h.other.lora_A", 2, 4).tensor("h.other.lora_B", 4, 2).tensor("h.strange", 3);
    refused(List.of(), "the model has no module h.other", "h.strange: is no parameter");
    tensor("score.weight", 2, 4);
    refused(List.of(), "no tensor is named lora_A or lora_B");
    tensor("h.proj.lora_A", 2, 5).tensor("h.proj.lora_B", 4, 2);
    refused(List.of(), "lora_A [2, 5] and lora_B [4, 2] do not fit", "4 inputs and 4 outputs");
    tensor("h.c_attn.lora_A", 6, 4).tensor("h.c_attn.lora_B", 8, 3);
    refused(List.of(true, true, true), "MergedLinear of which 2 parts are adapted", "got [true, true, true]");
    tensor("h.c_attn.lora_A", 6, 4).tensor("h.c_attn.lora_B", 8, 3);
    refused(List.of(), "enable_lora must say which");
    tensor("conv.lora_A", 4, 8).tensor("conv.lora_B", 8, 4);
    refused(List.of(), "square kernel");
    tensor("h.proj.lora_A", 2, 4).tensor("h.proj.lora_B", 4, 2).tensor("h.c_attn.bias", 12);
    refused(List.of(), "some biases");
    tensor("h.proj.lora_A", 2, 4).tensor("h.proj.lora_B", 4, 2).tensor("h.proj.weight", 4, 4);
    refused(List.of(), "the weight of an adapted module is its base's");
    tensor("h.proj.lora_A", 2, 4).tensor("h.proj.lora_B", 4, 2).tensor("score.weight", 3, 4);
    refused(List.of(), "score.weight is [3, 4], expected [2, 4]");
  }
}
