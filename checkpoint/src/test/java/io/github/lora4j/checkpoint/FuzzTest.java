package io.github.lora4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged files either read or are refused with a FormatException; nothing else comes out. */
class FuzzTest {

  private static final int ROUNDS = 2000;

  @TempDir Path directory;

  @Test
  void damagedSafetensors() throws IOException {
    Path file = directory.resolve("x.safetensors");
    new SafetensorsWriter()
        .metadata("format", "pt")
        .add(new TensorInfo("a.weight", DType.F32, List.of(3L, 5L)), MemorySegment.ofArray(new float[15]))
        .add(new TensorInfo("b.weight", DType.BF16, List.of(7L)), MemorySegment.ofArray(new short[7]))
        .add(new TensorInfo("ids", DType.I64, List.of(2L)), MemorySegment.ofArray(new long[2]))
        .write(file);
    fuzz(file, Files.readAllBytes(file));
  }

  @Test
  void damagedOnnx() throws IOException {
    fuzz(directory.resolve("x.onnx"), OnnxTest.model());
  }

  private static void fuzz(Path file, byte[] valid) throws IOException {
    int refused = 0;
    for (int length = 0; length < valid.length; length++) {
      refused += survives(file, Arrays.copyOf(valid, length), "cut to " + length);
    }
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] damaged = valid.clone();
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        int at = random.nextInt(damaged.length);
        damaged[at] = random.nextBoolean() ? (byte) random.nextInt() : (byte) (damaged[at] ^ 1 << random.nextInt(8));
      }
      refused += survives(file, damaged, "seed " + seed);
    }
    assertTrue(refused > ROUNDS / 4, "only " + refused + " damaged files were refused");
  }

  private static int survives(Path file, byte[] content, String what) throws IOException {
    Files.write(file, content);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      for (String name : checkpoint.names()) {
        TensorInfo info = checkpoint.info(name);
        assertTrue(info.elements() <= content.length, what);
        checkpoint.read(name, info.dtype(), MemorySegment.ofArray(new byte[(int) info.bytes()]));
        if (info.dtype().isFloat()) {
          checkpoint.read(name, DType.F64, MemorySegment.ofArray(new double[(int) info.elements()]));
        }
      }
      return 0;
    } catch (FormatException e) {
      assertTrue(e.getMessage().contains(file.getFileName().toString()), what);
      return 1;
    } catch (RuntimeException e) {
      throw new AssertionError(what + ": " + e, e);
    }
  }
}
