package io.github.lora4j.vector.internal.blocks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.blocks.Int8Rows;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Decoders in vectors against the formats' own code, on random bytes: the same bits. */
class RowDecoderTest {

  private static final int COLS = 768;

  static Stream<WeightFormat> formats() {
    List<WeightFormat> all = new ArrayList<>(GgufFormat.ALL);
    FourBit.Nested nested = new FourBit.Nested(256, nestedMap(), 0.7f);
    for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.F16}) {
      for (int size : new int[] {32, 64, 128, 256}) {
        all.add(FourBit.single("nf4", FourBit.NF4.map(), size, COLS, dtype));
        all.add(FourBit.nested("nf4", FourBit.NF4.map(), size, COLS, dtype, nested));
      }
    }
    all.addAll(List.of(FourBit.FP4, FourBit.single("nf4", FourBit.NF4.map(), 64, 48, DType.F32), Int8Rows.INT8, Int8Rows.of(256), new Int8Rows(48)));
    return all.stream();
  }

  private static float[] nestedMap() {
    float[] map = new float[256];
    for (int i = 0; i < map.length; i++) {
      map[i] = (i - 127) / 128f;
    }
    return map;
  }

  /** Random bytes whose scales are finite. */
  static MemorySegment blocks(WeightFormat format, int values, Arena arena, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    MemorySegment blocks = arena.allocate(WeightFormats.rowBytes(format, values), 8);
    MemorySegment floats = arena.allocate(4L * values, 8);
    for (int i = 0; i < values; i++) {
      floats.set(JAVA_FLOAT_UNALIGNED, 4L * i, (float) (random.nextGaussian() * Math.exp(i % 400 / 40.0 - 8)));
    }
    format.encode(floats, 0, blocks, 0, values);
    return blocks;
  }

  @ParameterizedTest
  @MethodSource("formats")
  void theSameBits(WeightFormat format) {
    RowDecoder decoder = RowDecoder.of(format);
    assertEquals(0, format.blockValues() % Math.min(decoder.granule(), format.blockValues()));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment blocks = blocks(format, COLS, arena, 1);
      float[] want = new float[COLS];
      format.decode(blocks, 0, MemorySegment.ofArray(want), 0, COLS);
      int granule = decoder.granule();
      for (int from = 0; from < COLS; from += granule) {
        for (int count : new int[] {1, granule, COLS - from}) {
          if (from + count <= COLS) {
            int room = (count + granule - 1) / granule * granule;
            MemorySegment got = arena.allocate(4L * room, 8);
            decoder.decode(blocks, 0, from, count, got, 0);
            for (int i = 0; i < count; i++) {
              int bits = Float.floatToRawIntBits(got.get(JAVA_FLOAT_UNALIGNED, 4L * i));
              assertEquals(Float.floatToRawIntBits(want[from + i]), bits, "value " + (from + i));
            }
          }
        }
      }
    }
  }

  /** A row of exactly its bytes, and any bytes: nothing beside them is read, and no more than whole granules are written. */
  @ParameterizedTest
  @MethodSource("formats")
  void anyBytesDecodeWithinBounds(WeightFormat format) {
    RowDecoder decoder = RowDecoder.of(format);
    SplittableRandom random = new SplittableRandom(5);
    int granule = decoder.granule();
    for (int round = 0; round < 50; round++) {
      int cols = 1 + random.nextInt(700);
      byte[] bytes = new byte[Math.toIntExact(WeightFormats.rowBytes(format, cols))];
      random.nextBytes(bytes);
      int from = random.nextInt(cols) / granule * granule;
      int count = 1 + random.nextInt(cols - from);
      float[] out = new float[(count + granule - 1) / granule * granule];
      decoder.decode(MemorySegment.ofArray(bytes), 0, from, count, MemorySegment.ofArray(out), 0);
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void productsInRegisters(WeightFormat format) {
    RowDecoder decoder = RowDecoder.of(format);
    if (!decoder.dots()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment blocks = blocks(format, COLS, arena, 2);
      MemorySegment x = arena.allocate(4L * COLS, 8);
      float[] values = new float[COLS];
      format.decode(blocks, 0, MemorySegment.ofArray(values), 0, COLS);
      double sum = 0;
      double size = 0;
      for (int i = 0; i < COLS; i++) {
        float at = (float) Math.sin(i);
        x.set(JAVA_FLOAT_UNALIGNED, 4L * i, at);
        sum += (double) at * values[i];
        size += Math.abs((double) at * values[i]);
      }
      assertFalse(size == 0);
      assertEquals(sum, decoder.dot(blocks, 0, COLS, x, 0), 2e-6 * size);
    }
  }

  @Test
  void theKernelsInTheSourceTreeAreTheGeneratedOnes() throws IOException {
    for (var source : RowsGenerator.sources().entrySet()) {
      assertEquals(source.getValue(), Files.readString(RowsGenerator.DIRECTORY.resolve(source.getKey() + ".java")).replace("\r\n", "\n"));
    }
  }

  /** Four runs of three rows side by side, one of them twice: every sum is that of its own row. */
  @ParameterizedTest
  @MethodSource("formats")
  void runsOfRowsSideBySide(WeightFormat format) {
    for (int cols : new int[] {COLS, 160, 288, 320, 1152}) {
      runsOfRowsSideBySide(format, cols);
    }
  }

  private static void runsOfRowsSideBySide(WeightFormat format, int cols) {
    RowDecoder decoder = RowDecoder.of(format);
    int floats = decoder.prepared(cols);
    if (floats == 0) {
      return;
    }
    int count = 3;
    long rowBytes = WeightFormats.rowBytes(format, cols);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rows = arena.allocate(4 * count * rowBytes, 8);
      for (int i = 0; i < 4 * count; i++) {
        MemorySegment.copy(blocks(format, cols, arena, i), 0, rows, i * rowBytes, rowBytes);
      }
      MemorySegment x = arena.allocate(4L * cols, 8);
      for (int i = 0; i < cols; i++) {
        x.set(JAVA_FLOAT_UNALIGNED, 4L * i, (float) Math.sin(i));
      }
      MemorySegment prepared = arena.allocate(4L * floats + 64, 8);
      decoder.prepare(x, 0, cols, prepared, 64);
      for (int stride : new int[] {count, 0}) {
        float[] sums = new float[RowDecoder.ABREAST * RowDecoder.SUMS];
        decoder.rows(rows, 0, stride * rowBytes, count, cols, prepared, 64, sums);
        for (int i = 0; i < RowDecoder.ABREAST * count; i++) {
          check(format, rows, (i / count * stride + i % count) * rowBytes, x, cols, sums, i / count * RowDecoder.SUMS + i % count * Lane.COUNT);
        }
      }
    }
  }

  private static void check(WeightFormat format, MemorySegment rows, long row, MemorySegment x, int cols, float[] sums, int at) {
    float[] values = new float[cols];
    format.decode(rows, row, MemorySegment.ofArray(values), 0, cols);
    double sum = 0;
    double size = 0;
    for (int i = 0; i < cols; i++) {
      sum += (double) x.get(JAVA_FLOAT_UNALIGNED, 4L * i) * values[i];
      size += Math.abs((double) x.get(JAVA_FLOAT_UNALIGNED, 4L * i) * values[i]);
    }
    double got = 0;
    for (int i = 0; i < Lane.COUNT; i++) {
      got += sums[at + i];
    }
    assertEquals(sum, got, 2e-6 * size);
  }
}
