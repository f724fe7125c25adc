package io.github.lora4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.vector.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Files that torch.save wrote (PyTorch 2.13): every element type, views, shared storages, parameters. */
class TorchTest {

  static Path file(String name) {
    try {
      return Path.of(TorchTest.class.getResource("/torch/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static float[] floats(Checkpoint checkpoint, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(checkpoint.info(name).elements() * Float.BYTES, 8);
      checkpoint.read(name, DType.F32, data);
      return data.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static byte[] raw(Checkpoint checkpoint, String name) {
    MemorySegment data = MemorySegment.ofArray(new byte[(int) checkpoint.info(name).bytes()]);
    checkpoint.read(name, checkpoint.info(name).dtype(), data);
    return data.toArray(ValueLayout.JAVA_BYTE);
  }

  @Test
  void everyElementType() {
    Map<String, DType> types = Map.of("f32", DType.F32, "f64", DType.F64, "f16", DType.F16, "bf16", DType.BF16, "i64", DType.I64, "i32",
        DType.I32, "i16", DType.I16, "i8", DType.I8, "u8", DType.U8, "bool", DType.BOOL);
    try (Checkpoint checkpoint = Checkpoint.open(file("views.pt"))) {
      types.forEach((name, type) -> {
        assertEquals(type, checkpoint.info(name).dtype(), name);
        if (type.isFloat()) {
          assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, floats(checkpoint, name), name);
        } else if (type != DType.BOOL) {
          byte[] expected = new byte[6 * type.bytes()];
          for (int i = 0; i < 6; i++) {
            expected[i * type.bytes()] = (byte) i;
          }
          assertArrayEquals(expected, raw(checkpoint, name), name);
        }
      });
      assertArrayEquals(new byte[] {1, 0, 1}, raw(checkpoint, "bool"));
    }
  }

  @Test
  void viewsOfOneStorage() {
    try (Checkpoint checkpoint = Checkpoint.open(file("views.pt"))) {
      assertArrayEquals(new float[] {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}, floats(checkpoint, "rows"));
      assertEquals(List.of(4L, 2L), checkpoint.info("columns").shape());
      assertArrayEquals(new float[] {2, 4, 8, 10, 14, 16, 20, 22}, floats(checkpoint, "columns"));
      float[] transposed = floats(checkpoint, "transposed");
      float[] cube = floats(checkpoint, "cube");
      for (int i = 0; i < 24; i++) {
        assertEquals(i % 4 * 6 + i / 4, transposed[i]);
        assertEquals(i / 3 % 2 * 12 + i % 3 * 4 + i / 6, cube[i]);
      }
    }
  }

  @Test
  void scalarsEmptyTensorsParametersAndAttributes() {
    try (Checkpoint checkpoint = Checkpoint.open(file("views.pt"))) {
      assertEquals(List.of(), checkpoint.info("scalar").shape());
      assertArrayEquals(new float[] {2.5f}, floats(checkpoint, "scalar"));
      assertEquals(List.of(0L, 3L), checkpoint.info("empty").shape());
      assertEquals(0, floats(checkpoint, "empty").length);
      assertArrayEquals(new float[] {1, -2}, floats(checkpoint, "parameter"));
    }
    try (Checkpoint checkpoint = Checkpoint.open(file("metadata.pth"))) {
      assertEquals(Set.of("weight"), checkpoint.names());
    }
  }
}
