package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.TensorInfo;
import io.github.lora4j.vector.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.Stream;

/** Tensors of golden files as arrays, and comparisons of arrays. */
final class Numbers {

  private Numbers() {}

  /** A tensor of any element type as floats. */
  static float[] floats(Checkpoint checkpoint, String name) {
    TensorInfo info = checkpoint.info(name);
    int n = (int) info.elements();
    try (Arena arena = Arena.ofConfined()) {
      if (info.dtype().isFloat()) {
        MemorySegment data = arena.allocate(4L * n, 8);
        checkpoint.read(name, DType.F32, data);
        return data.toArray(ValueLayout.JAVA_FLOAT);
      }
      MemorySegment data = arena.allocate(4L * n, 8);
      checkpoint.read(name, DType.I32, data);
      int[] ints = data.toArray(ValueLayout.JAVA_INT);
      float[] values = new float[n];
      for (int i = 0; i < n; i++) {
        values[i] = ints[i];
      }
      return values;
    }
  }

  /** A tensor of a file as integers. */
  static int[] integers(Path file, String name) {
    try (Checkpoint tensors = Checkpoint.open(file)) {
      float[] values = floats(tensors, name);
      int[] ids = new int[values.length];
      Arrays.setAll(ids, i -> (int) values[i]);
      return ids;
    }
  }

  /** The largest absolute value. */
  static double max(float[] values) {
    double max = 0;
    for (float value : values) {
      max = Math.max(max, Math.abs(value));
    }
    return max;
  }

  static void assertClose(float[] want, float[] got, double tolerance, String name) {
    assertEquals(want.length, got.length, name + ": length");
    for (int i = 0; i < want.length; i++) {
      assertEquals(want[i], got[i], tolerance, name + "[" + i + "]");
    }
  }

  static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
