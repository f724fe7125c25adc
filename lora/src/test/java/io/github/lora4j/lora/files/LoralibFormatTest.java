package io.github.lora4j.lora.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.LoadedAdapter;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
      return task.map(of -> LoralibFormat.load(checkpoint, 16, enabled, MODEL, of))
          .orElseGet(() -> LoralibFormat.load(checkpoint, 16, enabled, MODEL));
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

  /** What the authors' code adds to the weight: s·B·A, read as the weight's shape, whatever the groups; or as one part of it. */
  @ParameterizedTest
  @CsvSource({"9, 6, 2, 3", "6, 4, 4, 2", "4, 8, 4, 2", "5, 7, 3, 1", "8, 8, 3, 4"})
  void addsTheProductReadAsTheWeightsShape(int channels, int out, int k, int groups) {
    ModuleInfo conv = ModuleInfo.convolution("conv", new Convolution(channels, List.of(k, k), List.of(1, 1), List.of(1, 1), List.of(1, 1), groups),
        out, false);
    int rows = 2 * k;
    float[] a = numbers(1, rows * channels * k);
    float[] b = numbers(2, out / groups * k * rows);
    float[] product = product(b, a, out / groups * k, rows, channels * k);
    float[] got = merged(conv, a, List.of((long) rows, (long) channels * k), b, List.of((long) out / groups * k, (long) rows), List.of());
    assertEquals(out * channels / groups * k * k, got.length);
    for (int i = 0; i < got.length; i++) {
      assertEquals(8 * product[i], got[i], 1e-4, "element " + i);
    }
  }

  @Test
  void aMergedModuleOfWhichOnePartIsAdapted() {
    float[] a = numbers(1, 2 * 7);
    float[] b = numbers(2, 5 * 2);
    float[] product = product(b, a, 5, 2, 7);
    float[] got = merged(ModuleInfo.linear("qkv", 7, 15, false), a, List.of(2L, 7L), b, List.of(5L, 2L), List.of(false, false, true));
    for (int i = 0; i < got.length; i++) {
      assertEquals(i < 70 ? 0 : 8 * product[i - 70], got[i], 1e-4, "element " + i);
    }
    String message = assertThrows(FormatException.class, () -> merged(ModuleInfo.linear("qkv", 7, 15, false), a, List.of(2L, 7L), b, List.of(5L, 2L),
        List.of())).getMessage();
    assertTrue(message.contains("enable_lora must say which"), message);
  }

  private static float[] numbers(int seed, int count) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static float[] product(float[] b, float[] a, int rows, int inner, int cols) {
    float[] product = new float[rows * cols];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        for (int k = 0; k < inner; k++) {
          product[i * cols + j] += b[i * inner + k] * a[k * cols + j];
        }
      }
    }
    return product;
  }

  /** Zero with the update: of rank 2 and alpha 16. */
  private float[] merged(ModuleInfo module, float[] a, List<Long> shapeA, float[] b, List<Long> shapeB, List<Boolean> enabled) {
    Path file = dir.resolve("one.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    writer.add(new TensorInfo(module.name() + ".lora_A", DType.F32, shapeA), MemorySegment.ofArray(a));
    writer.add(new TensorInfo(module.name() + ".lora_B", DType.F32, shapeB), MemorySegment.ofArray(b));
    writer.write(file);
    ModelDescription model = ModelDescription.of("test", List.of(module));
    try (Checkpoint checkpoint = Checkpoint.open(file);
        LoadedAdapter loaded = LoralibFormat.load(checkpoint, 16, enabled, model)) {
      long elements = ModelDescription.parameters(module).get(module.name() + ".weight").stream().reduce(1L, (x, y) -> x * y);
      MemorySegment weight = MemorySegment.ofArray(new float[(int) elements]);
      loaded.adapter().weightChanges(loaded.values()).get(module.name() + ".weight").apply(DType.F32, weight);
      return weight.toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
