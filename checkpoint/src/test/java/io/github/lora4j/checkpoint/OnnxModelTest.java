package io.github.lora4j.checkpoint;

import static io.github.lora4j.checkpoint.OnnxTest.FLOAT;
import static io.github.lora4j.checkpoint.OnnxTest.FLOAT16;
import static io.github.lora4j.checkpoint.OnnxTest.floats;
import static io.github.lora4j.checkpoint.OnnxTest.node;
import static io.github.lora4j.checkpoint.OnnxTest.tensor;
import static io.github.lora4j.checkpoint.OnnxTest.varints;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An ONNX file with other weights is the old one in everything else. */
class OnnxModelTest {

  @TempDir Path directory;

  private Path write(byte[] model, Map<String, Consumer<MemorySegment>> values) throws IOException {
    Path file = Files.write(directory.resolve("m.onnx"), model);
    Path output = Files.createDirectories(directory.resolve("out"));
    try (OnnxModel onnx = OnnxModel.open(file)) {
      onnx.write(output, values);
    }
    return output.resolve("m.onnx");
  }

  private static Consumer<MemorySegment> values(float... values) {
    return target -> target.copyFrom(MemorySegment.ofArray(values));
  }

  @Test
  void withoutChangesEveryByteIsTheSame() throws IOException {
    assertArrayEquals(OnnxTest.model(), Files.readAllBytes(write(OnnxTest.model(), Map.of())));
  }

  /** In their shapes as shown, though the file holds one transposed; as raw bytes, as packed floats, and with several names. */
  @Test
  void weightsOfEveryFormChangeInTheirPlaces() throws IOException {
    Path written = write(OnnxTest.model(), Map.of("encoder.layer.0.query.weight", values(10, 30, 50, 20, 40, 60), "encoder.layer.0.query.bias",
        values(-1, -2), "b.weight", values(70, 80)));
    byte[] before = OnnxTest.model();
    byte[] after = Files.readAllBytes(written);
    assertEquals(before.length, after.length);
    long different = java.util.stream.IntStream.range(0, before.length).filter(i -> before[i] != after[i]).count();
    assertTrue(different > 0 && different <= 10 * Float.BYTES, "bytes that differ: " + different);
    try (Checkpoint checkpoint = Checkpoint.open(written)) {
      assertArrayEquals(new float[] {10, 30, 50, 20, 40, 60}, floats(checkpoint, "encoder.layer.0.query.weight"));
      assertArrayEquals(new float[] {-1, -2}, floats(checkpoint, "encoder.layer.0.query.bias"));
      assertArrayEquals(new float[] {70, 80}, floats(checkpoint, "a.weight"));
      assertArrayEquals(new float[] {9}, floats(checkpoint, "onnx::MatMul_9"));
    }
  }

  /** Halves may be variable-length integers, whose length changes with them: then the lengths of what they lie in do, too. */
  @Test
  void halvesAsIntegersBecomeBytes() throws IOException {
    long[] many = new long[300];
    java.util.Arrays.fill(many, 0x3C00);
    Proto graph = new Proto().message(1, node("Add", "/a/Add", "x", "a.bias")).message(5, tensor("a.bias", FLOAT16, 300).bytes(5, varints(many)))
        .message(5, tensor("b.bias", FLOAT16, 2).bytes(9, new byte[] {0, 0x3C, 0, 0x40})).message(5, tensor("c", FLOAT, 1).bytes(4, floats(3)));
    Consumer<MemorySegment> half = target -> {
      for (long i = 0; i < target.byteSize() / 2; i++) {
        target.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, Float.floatToFloat16(i));
      }
    };
    Path written = write(OnnxTest.model(graph).toBytes(), Map.of("a.bias", half, "b.bias", half));
    try (Checkpoint checkpoint = Checkpoint.open(written)) {
      float[] a = floats(checkpoint, "a.bias");
      for (int i = 0; i < a.length; i++) {
        assertEquals(i, a[i]);
      }
      assertArrayEquals(new float[] {0, 1}, floats(checkpoint, "b.bias"));
      assertArrayEquals(new float[] {3}, floats(checkpoint, "c"));
      assertEquals(Map.of("producer_name", "pytorch", "key", "value"), checkpoint.metadata());
    }
  }

  @Test
  void dataInAnotherFileIsCopiedWithTheChanges() throws IOException {
    Files.write(directory.resolve("m.data"), floats(1, 2, 3, 4, 5));
    Proto second = OnnxTest.elsewhere("b", "m.data", 2).message(13, new Proto().text(1, "offset").text(2, "12"));
    byte[] model = OnnxTest.model(new Proto().message(5, OnnxTest.elsewhere("a", "m.data", 2)).message(5, second)).toBytes();
    Path written = write(model, Map.of("b", values(40, 50)));
    assertArrayEquals(model, Files.readAllBytes(written));
    assertArrayEquals(floats(1, 2, 3, 40, 50), Files.readAllBytes(written.resolveSibling("m.data")));
    try (Checkpoint checkpoint = Checkpoint.open(written)) {
      assertArrayEquals(new float[] {1, 2}, floats(checkpoint, "a"));
      assertArrayEquals(new float[] {40, 50}, floats(checkpoint, "b"));
    }
    Proto over = OnnxTest.elsewhere("b", "m.data", 2).message(13, new Proto().text(1, "offset").text(2, "4"));
    byte[] overlapping = OnnxTest.model(new Proto().message(5, OnnxTest.elsewhere("a", "m.data", 2)).message(5, over)).toBytes();
    String message = assertThrows(ConfigException.class, () -> write(overlapping, Map.of("b", values(1, 2)))).getMessage();
    assertTrue(message.contains("b and a share their bytes in m.data"), message);
  }

  @Test
  void whoReadsAnInitialiserIsKnown() throws IOException {
    try (OnnxModel onnx = OnnxModel.open(Files.write(directory.resolve("m.onnx"), OnnxTest.model()))) {
      assertEquals(Set.of("a.weight", "b.weight"), onnx.shared("a.weight"));
      assertEquals(List.of("MatMul /a/MatMul", "MatMul /b/MatMul_1"), onnx.readers("b.weight"));
      assertTrue(onnx.quantised().isEmpty());
      assertThrows(FormatException.class, () -> onnx.shared("c.weight"));
    }
    Proto graph = new Proto().message(1, node("MatMulInteger", "/a/MatMul_quant", "x", "w"));
    try (OnnxModel onnx = OnnxModel.open(Files.write(directory.resolve("q.onnx"), OnnxTest.model(graph).toBytes()))) {
      assertEquals("MatMulInteger /a/MatMul_quant", onnx.quantised().orElseThrow());
    }
  }

  @Test
  void anErrorOfWhatFillsLeavesNoFile() throws IOException {
    Path output = directory.resolve("out");
    Consumer<MemorySegment> broken = _ -> {
      throw new FormatException("a number is not finite");
    };
    assertThrows(FormatException.class, () -> write(OnnxTest.model(), Map.of("a.weight", broken)));
    assertFalse(Files.exists(output.resolve("m.onnx")));
  }
}
