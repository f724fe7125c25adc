package io.github.lora4j.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.SafetensorsWriter;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.DoubleQuantisation;
import io.github.lora4j.vector.blocks.FourBit;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Parts of quantised weights that are missing, of another shape or type, or of another method: refused with what is wrong. */
class BitsAndBytesTest {

  private static final String WEIGHT = "model.layers.0.mlp.up_proj.weight";
  private static final String STATE = WEIGHT + ".quant_state.bitsandbytes__nf4";
  private static final int ROWS = 3;
  private static final int COLS = 64;

  @TempDir
  private Path dir;

  private record Tensor(DType type, List<Long> shape, MemorySegment data) {}

  private static Map<String, Tensor> fourBit() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    byte[] packed = new byte[ROWS * COLS / 2];
    Arrays.fill(packed, (byte) 0x1F);
    tensors.put(WEIGHT, new Tensor(DType.U8, List.of((long) packed.length, 1L), MemorySegment.ofArray(packed)));
    float[] map = new float[16];
    for (int i = 0; i < 16; i++) {
      map[i] = (i - 8) / 8f;
    }
    tensors.put(WEIGHT + ".quant_map", new Tensor(DType.F32, List.of(16L), MemorySegment.ofArray(map)));
    tensors.put(WEIGHT + ".absmax", new Tensor(DType.F32, List.of(3L), MemorySegment.ofArray(new float[] {1, 2, 3})));
    state(tensors, "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [3, 64]}");
    tensors.put("model.norm.weight", new Tensor(DType.F32, List.of(2L), MemorySegment.ofArray(new float[2])));
    return tensors;
  }

  private static void state(Map<String, Tensor> tensors, String json) {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    tensors.put(STATE, new Tensor(DType.U8, List.of((long) bytes.length), MemorySegment.ofArray(bytes)));
  }

  private static Map<String, Tensor> eightBit() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    byte[] values = new byte[ROWS * COLS];
    Arrays.fill(values, (byte) -127);
    tensors.put(WEIGHT, new Tensor(DType.I8, List.of((long) ROWS, (long) COLS), MemorySegment.ofArray(values)));
    tensors.put(WEIGHT.replace(".weight", ".SCB"), new Tensor(DType.F32, List.of(3L), MemorySegment.ofArray(new float[] {1, 2, 3})));
    tensors.put(WEIGHT + "_format", new Tensor(DType.U8, List.of(), MemorySegment.ofArray(new byte[1])));
    return tensors;
  }

  private Checkpoint open(Map<String, Tensor> tensors, String method) throws IOException {
    Files.writeString(dir.resolve("config.json"), """
        {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 8,
         "max_position_embeddings": 8, "quantization_config": {"quant_method": "%s"}}""".formatted(method));
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, tensor) -> writer.add(new TensorInfo(name, tensor.type, tensor.shape), tensor.data));
    writer.write(dir.resolve("model.safetensors"));
    return ModelDirectory.open(dir).checkpoint();
  }

  private void refused(Map<String, Tensor> tensors, String... said) {
    FormatException e = assertThrows(FormatException.class, () -> {
      try (Checkpoint weights = open(tensors, "bitsandbytes")) {
        weights.names().forEach(name -> {
          float[] values = new float[(int) weights.info(name).elements()];
          weights.read(name, DType.F32, MemorySegment.ofArray(values));
        });
      }
    });
    for (String part : said) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  @Test
  void wholeOnesAreRead() throws IOException {
    try (Checkpoint weights = open(fourBit(), "bitsandbytes")) {
      assertEquals(Set.of(WEIGHT, "model.norm.weight"), Set.copyOf(weights.names()));
      assertEquals(new TensorInfo(WEIGHT, DType.F32, List.of(3L, 64L)), weights.info(WEIGHT));
      assertEquals("nf4", weights.stored(WEIGHT).name());
      float[] values = new float[ROWS * COLS];
      weights.read(WEIGHT, DType.F32, MemorySegment.ofArray(values));
      float[] want = new float[ROWS * COLS];
      for (int i = 0; i < want.length; i++) {
        // The high nibble, 1, comes first: -7/8; then 15: 7/8.
        want[i] = (i % 2 == 0 ? -0.875f : 0.875f) * (1 + i / COLS);
      }
      assertArrayEquals(want, values);
    }
    try (Checkpoint weights = open(eightBit(), "bitsandbytes")) {
      assertEquals(Set.of(WEIGHT), Set.copyOf(weights.names()));
      float[] values = new float[ROWS * COLS];
      weights.read(WEIGHT, DType.F32, MemorySegment.ofArray(values));
      assertEquals(-3, values[2 * COLS], 1e-6);
    }
  }

  /** A weight that is quantised while it is read has the blocks that bitsandbytes would make of it: those of the whole matrix, with its mean. */
  @ParameterizedTest
  @CsvSource({"nf4_double", "fp4_double"})
  void doubleQuantisationWhileReading(String name) throws IOException {
    float[] values = new float[ROWS * COLS];
    Random random = new Random(7);
    for (int i = 0; i < values.length; i++) {
      values[i] = (1 + i / COLS) * (float) random.nextGaussian();
    }
    Tensor plain = new Tensor(DType.F32, List.of((long) ROWS, (long) COLS), MemorySegment.ofArray(values));
    Value slot = new Value(-1, WEIGHT, Shape.of(ROWS, COLS), Value.Role.FROZEN, DType.F32);
    Checkpoint files = open(Map.of(WEIGHT, plain), "bitsandbytes");
    try (Weights weights = new Weights(List.of(files), new Model(ModelDirectory.open(dir).architecture(), new Head.None()), 0)) {
      FourBit format = DoubleQuantisation.format(name.startsWith("nf4") ? FourBit.NF4 : FourBit.FP4, COLS, weights.meanAbsmax(slot));
      DoubleQuantisation.Mean mean = new DoubleQuantisation.Mean();
      mean.add(MemorySegment.ofArray(values));
      assertEquals(mean.offset(), format.nesting().offset());
      assertEquals(name, format.name() + "_double");
      byte[] blocks = new byte[(int) (ROWS * WeightFormats.rowBytes(format, COLS))];
      weights.read(slot, format, MemorySegment.ofArray(blocks));
      byte[] want = new byte[blocks.length];
      DoubleQuantisation.encode(format, ROWS, COLS, MemorySegment.ofArray(values), 64, MemorySegment.ofArray(want));
      assertArrayEquals(want, blocks);
    }
  }

  @ParameterizedTest
  @CsvSource({".absmax", ".quant_map"})
  void aPartIsMissing(String part) {
    Map<String, Tensor> tensors = fourBit();
    tensors.remove(WEIGHT + part);
    refused(tensors, WEIGHT + " is quantised, but its part " + WEIGHT + part + " is missing");
  }

  @Test
  void theWeightIsMissing() {
    Map<String, Tensor> tensors = fourBit();
    tensors.remove(WEIGHT);
    tensors.remove(STATE);
    refused(tensors, "belongs to a quantised weight that is not there");
    tensors.putAll(eightBit());
    tensors.remove(WEIGHT + ".absmax");
    tensors.remove(WEIGHT + ".quant_map");
    tensors.remove(WEIGHT.replace(".weight", ".SCB"));
    refused(tensors, ".SCB is missing");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "'quant_type': 'fp4', 'blocksize': 64, 'dtype': 'float32', 'shape': [3, 64] | quant_type \"fp4\" is not supported, only \"nf4\"",
      "'quant_type': 'nf4', 'blocksize': 0, 'dtype': 'float32', 'shape': [3, 64] | blocksize must be a positive whole number",
      "'quant_type': 'nf4', 'blocksize': 32, 'dtype': 'float32', 'shape': [3, 64] | .absmax should have 6 elements of type F32",
      "'quant_type': 'nf4', 'blocksize': 64, 'dtype': 'int8', 'shape': [3, 64] | dtype \"int8\" is not supported",
      "'quant_type': 'nf4', 'blocksize': 64, 'dtype': 'float32', 'shape': [3, 65] | should be 195 packed values in 98 bytes",
      "'quant_type': 'nf4', 'blocksize': 64, 'dtype': 'float32', 'shape': [-3, -64] | matrices are",
      "'quant_type': 'nf4', 'blocksize': 64, 'dtype': 'float32', 'shape': [192] | shape should be two whole numbers",
      "'quant_type': 'nf4', 'blocksize': 64, 'dtype': 'float32', 'shape': [3, 64], 'nested_blocksize': 256 | .absmax should have 3 elements of type U8",
  })
  void theStateSaysSomethingElse(String state, String said) {
    Map<String, Tensor> tensors = fourBit();
    state(tensors, "{" + state.replace('\'', '"') + "}");
    refused(tensors, said);
  }

  @Test
  void theStateIsNoJson() {
    Map<String, Tensor> tensors = fourBit();
    state(tensors, "{\"quant_type\"");
    refused(tensors, STATE, "is not valid JSON");
  }

  @Test
  void aScaleIsNoNumber() {
    Map<String, Tensor> tensors = fourBit();
    tensors.put(WEIGHT + ".absmax", new Tensor(DType.F32, List.of(3L), MemorySegment.ofArray(new float[] {1, Float.NaN, 3})));
    refused(tensors, WEIGHT, "a scale of row 1");
  }

  @Test
  void tilesOfAGpu() {
    Map<String, Tensor> tensors = eightBit();
    tensors.put(WEIGHT + "_format", new Tensor(DType.U8, List.of(), MemorySegment.ofArray(new byte[] {2})));
    refused(tensors, "weight_format is 2, an order of a GPU's tiles");
  }

  @ParameterizedTest
  @CsvSource({"gptq", "awq", "hqq", "compressed-tensors"})
  void otherMethods(String method) {
    FormatException e = assertThrows(FormatException.class, () -> open(fourBit(), method));
    assertTrue(e.getMessage().contains("quant_method is \"" + method + "\", which is not supported; bitsandbytes"), e.getMessage());
  }
}
