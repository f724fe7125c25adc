package io.github.lora4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.WeightFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RoundTripTest {

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource
  void everyDtypeComesBackAsItWasWritten(DType dtype) {
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt").metadata("quote", "a\"\\\n\u0001\u00e9");
    Random random = new Random(7);
    List<List<Long>> shapes = List.of(List.of(), List.of(0L), List.of(1L), List.of(2L, 17L), List.of(7L, 0L, 3L), List.of(33L, 49L, 2L));
    List<byte[]> datas = new ArrayList<>();
    for (int i = 0; i < shapes.size(); i++) {
      TensorInfo info = new TensorInfo("t" + i, dtype, shapes.get(i));
      byte[] data = new byte[(int) info.bytes()];
      random.nextBytes(data);
      datas.add(data);
      writer.add(info, MemorySegment.ofArray(data));
    }
    Path file = directory.resolve("x.safetensors");
    writer.write(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertEquals(Map.of("format", "pt", "quote", "a\"\\\n\u0001\u00e9"), checkpoint.metadata());
      for (int i = 0; i < shapes.size(); i++) {
        TensorInfo info = checkpoint.info("t" + i);
        assertEquals(shapes.get(i), info.shape());
        assertEquals(dtype, info.dtype());
        byte[] got = new byte[(int) info.bytes()];
        checkpoint.read("t" + i, dtype, MemorySegment.ofArray(got));
        assertArrayEquals(datas.get(i), got);
      }
    }
  }

  @Test
  void floatsConvertOverMoreThanOneChunk() {
    int n = 300_007;
    float[] values = new float[n];
    Random random = new Random(1);
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian() * (i % 3 == 0 ? 1e-6f : 1e5f);
    }
    Path file = write(new TensorInfo("w", DType.F32, List.of((long) n)), MemorySegment.ofArray(values));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      double[] doubles = new double[n];
      short[] halves = new short[n];
      short[] brains = new short[n];
      checkpoint.read("w", DType.F64, MemorySegment.ofArray(doubles));
      checkpoint.read("w", DType.F16, MemorySegment.ofArray(halves));
      checkpoint.read("w", DType.BF16, MemorySegment.ofArray(brains));
      for (int i = 0; i < n; i++) {
        assertEquals(values[i], doubles[i]);
        assertEquals(Float.floatToFloat16(values[i]), halves[i]);
        assertEquals(DType.floatToBf16(values[i]), brains[i]);
      }
    }
  }

  @Test
  void storedHalvesAndDoublesReadAsFloats() {
    short[] bits = {0, (short) 0x8000, 0x3C00, 0x0001, 0x7BFF, 0x7C00, 0x7E00, (short) 0xC500};
    long n = bits.length;
    Path file = directory.resolve("halves.safetensors");
    new SafetensorsWriter()
        .add(new TensorInfo("f16", DType.F16, List.of(n)), MemorySegment.ofArray(bits))
        .add(new TensorInfo("bf16", DType.BF16, List.of(n)), MemorySegment.ofArray(bits))
        .add(new TensorInfo("f64", DType.F64, List.of(3L)), MemorySegment.ofArray(new double[] {1e300, -0.1, Double.NaN}))
        .write(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertEquals(List.of("f64", "bf16", "f16"), List.copyOf(checkpoint.names()));
      float[] half = new float[bits.length];
      float[] brain = new float[bits.length];
      float[] narrowed = new float[3];
      checkpoint.read("f16", DType.F32, MemorySegment.ofArray(half));
      checkpoint.read("bf16", DType.F32, MemorySegment.ofArray(brain));
      checkpoint.read("f64", DType.F32, MemorySegment.ofArray(narrowed));
      for (int i = 0; i < bits.length; i++) {
        assertEquals(Float.float16ToFloat(bits[i]), half[i]);
        assertEquals(Float.intBitsToFloat(bits[i] << 16), brain[i]);
      }
      assertArrayEquals(new float[] {Float.POSITIVE_INFINITY, -0.1f, Float.NaN}, narrowed);
    }
  }

  @Test
  void integersWidenAndNarrowOnlyWhereTheyFit() {
    long[] values = {0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE};
    Path file = write(new TensorInfo("ids", DType.I64, List.of(4L)), MemorySegment.ofArray(values));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      int[] ints = new int[4];
      checkpoint.read("ids", DType.I32, MemorySegment.ofArray(ints));
      assertArrayEquals(new int[] {0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE}, ints);
      assertMessage(
          assertThrows(FormatException.class, () -> checkpoint.read("ids", DType.F32, MemorySegment.ofArray(new float[4]))),
          "ids", "I64", "F32");
    }
    values[2] = 1L << 31;
    Path large = write(new TensorInfo("ids", DType.I64, List.of(4L)), MemorySegment.ofArray(values));
    try (Checkpoint checkpoint = Checkpoint.open(large)) {
      FormatException e =
          assertThrows(FormatException.class, () -> checkpoint.read("ids", DType.I32, MemorySegment.ofArray(new int[4])));
      assertMessage(e, "element 2", "I32", "x.safetensors");
    }
  }

  /** Bits that a detour by way of F32 would change: a signalling NaN becomes a quiet one. */
  @Test
  void whatIsStoredInTheFormatComesBitByBit() {
    short[] odd = {(short) 0x7F81, (short) 0xFF82, (short) 0x8000, 1, 0x3F80, 0x7F7F};
    for (DType type : List.of(DType.BF16, DType.F16)) {
      Path file = write(new TensorInfo("w", type, List.of(2L, 3L)), MemorySegment.ofArray(odd));
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        short[] got = new short[6];
        checkpoint.read("w", new Elements(type), MemorySegment.ofArray(got));
        assertArrayEquals(odd, got);
      }
    }
  }

  /** A byte a value, whole numbers, rows of blocks of four. */
  private static final class Whole implements WeightFormat {
    @Override
    public String name() {
      return "whole";
    }

    @Override
    public int blockValues() {
      return 4;
    }

    @Override
    public int blockBytes() {
      return 4;
    }

    @Override
    public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
      for (int i = 0; i < count; i++) {
        floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + 4L * i, blocks.get(ValueLayout.JAVA_BYTE, at + i));
      }
    }

    @Override
    public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
      for (int i = 0; i < (count + 3) / 4 * 4; i++) {
        blocks.set(ValueLayout.JAVA_BYTE, at + i, (byte) (i < count ? floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, from + 4L * i) : 0));
      }
    }
  }

  @Test
  void rowsAreReadInBlocks() {
    Path file = write(new TensorInfo("w", DType.F32, List.of(2L, 3L)), MemorySegment.ofArray(new float[] {1, 2, 3, 4, 5, 6}));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      byte[] got = new byte[8];
      checkpoint.read("w", new Whole(), MemorySegment.ofArray(got));
      assertArrayEquals(new byte[] {1, 2, 3, 0, 4, 5, 6, 0}, got, "a row starts a block");
      assertMessage(assertThrows(ConfigException.class, () -> checkpoint.read("w", new Whole(), MemorySegment.ofArray(new byte[6]))),
          "tensor w", "as whole", "8 bytes", "got 6");
    }
  }

  @Test
  void aWrongTargetOrNameIsNamed() {
    Path file = write(new TensorInfo("layer.0.query.weight", DType.F32, List.of(2L)), MemorySegment.ofArray(new float[2]));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertMessage(
          assertThrows(
              ConfigException.class, () -> checkpoint.read("layer.0.query.weight", DType.F32, MemorySegment.ofArray(new float[3]))),
          "layer.0.query.weight", "8 bytes", "got 12");
      assertMessage(
          assertThrows(FormatException.class, () -> checkpoint.info("layer.0.qury.weight")), "x.safetensors", "layer.0.query.weight");
    }
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNoOther() throws IOException {
    TensorInfo info = new TensorInfo("w", DType.F32, List.of(2L));
    Path file = write(info, MemorySegment.ofArray(new float[] {1, 2}));
    byte[] before = Files.readAllBytes(file);
    MemorySegment closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = arena.allocate(ValueLayout.JAVA_FLOAT, 2);
    }
    assertThrows(IllegalStateException.class, () -> new SafetensorsWriter().add(info, closed).write(file));
    assertArrayEquals(before, Files.readAllBytes(file));
    try (var files = Files.list(directory)) {
      assertEquals(List.of(file), files.toList());
    }
    Path nowhere = directory.resolve("missing").resolve("x.safetensors");
    assertMessage(assertThrows(ResourceException.class, () -> new SafetensorsWriter().write(nowhere)), "missing");
  }

  @Test
  void theWriterRefusesWhatDoesNotFit() {
    TensorInfo info = new TensorInfo("w", DType.F32, List.of(2L));
    SafetensorsWriter writer = new SafetensorsWriter().add(info, MemorySegment.ofArray(new float[2]));
    assertMessage(assertThrows(ConfigException.class, () -> writer.add(info, MemorySegment.ofArray(new float[2]))), "w", "before");
    assertMessage(
        assertThrows(
            ConfigException.class,
            () -> writer.add(new TensorInfo("v", DType.F32, List.of(3L)), MemorySegment.ofArray(new float[2]))),
        "v", "12 bytes", "got 8");
    assertThrows(ConfigException.class, () -> new TensorInfo("v", DType.F32, List.of(-1L)));
  }

  private Path write(TensorInfo info, MemorySegment data) {
    Path file = directory.resolve("x.safetensors");
    new SafetensorsWriter().add(info, data).write(file);
    return file;
  }

  static void assertMessage(Throwable e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> "'" + part + "' expected in: " + e.getMessage());
    }
  }
}
