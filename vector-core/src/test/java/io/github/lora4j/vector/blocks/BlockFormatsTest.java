package io.github.lora4j.vector.blocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BlockFormatsTest {

  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  private static float[] nestedMap() {
    float[] map = new float[256];
    for (int i = 0; i < map.length; i++) {
      map[i] = (i - 127) / 128f;
    }
    return map;
  }

  @Test
  void allKeepToTheirBlocksAndHaveNamesOfTheirOwn() {
    List<WeightFormat> formats = new ArrayList<>(new BlockFormats().formats());
    Set<String> names = new HashSet<>();
    formats.forEach(format -> assertTrue(names.add(format.name()), format.name()));
    formats.add(FourBit.single("nf4", FourBit.NF4.map(), 64, 40, DType.F16));
    formats.add(FourBit.nested("fp4", FourBit.FP4.map(), 64, 640, DType.BF16, new FourBit.Nested(256, nestedMap(), 0.5f)));
    formats.add(new Int8Rows(7));
    formats.forEach(WeightFormats::checked);
    GgufFormat.ALL.forEach(format -> assertEquals(format, GgufFormat.ofType(format.typeId()).orElseThrow()));
    assertTrue(GgufFormat.ofType(0).isEmpty() && GgufFormat.ofType(16).isEmpty());
  }

  /** Blocks that a tensor's rows cut, against a decoder that counts through the tensor as bitsandbytes does. */
  @Test
  void fourBitsOfAnyShapeAreTakenApartWithoutAChange() {
    SplittableRandom random = new SplittableRandom(3);
    for (int[] shape : new int[][] {{1, 1}, {3, 7}, {5, 40}, {4, 64}, {7, 96}, {2, 100}, {3, 192}, {2, 256}, {3, 320}, {2, 1024}, {40, 333}}) {
      for (int blockSize : new int[] {32, 64, 128, 512, 4096}) {
        for (boolean nested : new boolean[] {false, true}) {
          for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.F16}) {
            compare(shape[0], shape[1], blockSize, nested, dtype, random);
          }
        }
      }
    }
  }

  private static void compare(int rows, int cols, int blockSize, boolean nested, DType dtype, SplittableRandom random) {
    int n = rows * cols;
    int count = (n + blockSize - 1) / blockSize;
    MemorySegment packed = bytes((n + 1) / 2, random);
    float[] scales = new float[count];
    MemorySegment absmax = nested ? bytes(count, random) : MemorySegment.ofArray(scales);
    float[] nestedAbsmax = new float[count / 4 + 1];
    for (int i = 0; i < nestedAbsmax.length; i++) {
      nestedAbsmax[i] = (float) random.nextDouble(0.01, 2);
    }
    for (int i = 0; i < count; i++) {
      scales[i] = nested ? nestedMap()[absmax.get(BYTE, i) & 255] * nestedAbsmax[i / 4] + 0.7f : (float) random.nextDouble(0, 3);
    }
    FourBit.Nested nesting = new FourBit.Nested(4, nestedMap(), 0.7f);
    FourBit format = nested ? FourBit.nested("nf4", FourBit.NF4.map(), blockSize, cols, dtype, nesting)
        : FourBit.single("nf4", FourBit.NF4.map(), blockSize, cols, dtype);
    assertEquals(0, cols % format.blockValues(), "rows begin a block of the file's");
    MemorySegment blocks = MemorySegment.ofArray(new byte[Math.toIntExact(rows * WeightFormats.rowBytes(format, cols))]);
    format.assemble(rows, cols, packed, absmax, MemorySegment.ofArray(nestedAbsmax), blockSize, blocks);
    float[] row = new float[cols];
    float[] map = format.map();
    Elements to = new Elements(dtype);
    MemorySegment one = MemorySegment.ofArray(new float[1]);
    for (int i = 0; i < rows; i++) {
      format.decode(blocks, i * WeightFormats.rowBytes(format, cols), MemorySegment.ofArray(row), 0, cols);
      for (int j = 0; j < cols; j++) {
        int k = i * cols + j;
        int both = packed.get(BYTE, k / 2) & 255;
        to.set(one, 0, map[k % 2 == 0 ? both >> 4 : both & 15] * scales[k / blockSize]);
        assertEquals((float) to.get(one, 0), row[j], "%s, value %d, %d".formatted(format, i, j));
      }
    }
  }

  private static MemorySegment bytes(int count, SplittableRandom random) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return MemorySegment.ofArray(bytes);
  }

  @Test
  void doubleQuantisationKeepsMostOfWhatItSaves() {
    FourBit single = FourBit.single("nf4", FourBit.NF4.map(), 64, 2048, DType.BF16);
    FourBit nested = FourBit.nested("nf4", FourBit.NF4.map(), 64, 2048, DType.BF16, new FourBit.Nested(256, nestedMap(), 0));
    assertEquals(2048 * 4.5 / 8, WeightFormats.rowBytes(single, 2048));
    assertEquals(2048 * 4.25 / 8, WeightFormats.rowBytes(nested, 2048));
    assertNotEquals(single, nested);
    assertEquals(single, FourBit.single("nf4", FourBit.NF4.map(), 64, 4096, DType.BF16));
  }

  @Test
  void tablesOfTheWrongSizeAreRefused() {
    assertThrows(ConfigException.class, () -> FourBit.single("nf4", new float[15], 64, 64, DType.F32));
    assertThrows(ConfigException.class, () -> FourBit.single("nf4", new float[16], 0, 64, DType.F32));
    assertThrows(ConfigException.class, () -> FourBit.single("nf4", new float[16], 64, 64, DType.I8));
    assertThrows(ConfigException.class, () -> FourBit.nested("nf4", new float[16], 64, 64, DType.F32, new FourBit.Nested(256, new float[16], 0)));
    assertThrows(ConfigException.class, () -> new Int8Rows(0));
  }

  /** Each scale of each format, made no number, in the second row. */
  @Test
  void aScaleThatIsNoNumberIsFound() {
    for (WeightFormat format : new BlockFormats().formats()) {
      int cols = 2 * format.blockValues();
      float[] weight = new float[3 * cols];
      for (int i = 0; i < weight.length; i++) {
        weight[i] = (float) Math.sin(i);
      }
      MemorySegment blocks = MemorySegment.ofArray(new byte[Math.toIntExact(3 * WeightFormats.rowBytes(format, cols))]);
      WeightFormats.encode(format, 3, cols, new Elements(DType.F32), MemorySegment.ofArray(weight), blocks);
      BlockFormats.requireFinite(format, 3, cols, blocks, "model.gguf: tensor w");
      long block = 3L * format.blockBytes();
      int found = 0;
      for (int at = 0; at < format.blockBytes(); at++) {
        byte[] kept = blocks.asSlice(block, format.blockBytes()).toArray(BYTE);
        for (int i = at; i < Math.min(at + 4, format.blockBytes()); i++) {
          blocks.set(BYTE, block + i, (byte) -1);
        }
        float[] values = new float[cols];
        format.decode(blocks, block, MemorySegment.ofArray(values), 0, format.blockValues());
        boolean finite = true;
        for (float value : values) {
          finite &= Float.isFinite(value);
        }
        if (!finite) {
          found++;
          String message = assertThrows(FormatException.class, () -> BlockFormats.requireFinite(format, 3, cols, blocks, "m.gguf: tensor w")).getMessage();
          assertTrue(message.startsWith("m.gguf: tensor w: a scale of row 1, values %d to %d,".formatted(format.blockValues(), cols - 1)), message);
        }
        MemorySegment.copy(MemorySegment.ofArray(kept), 0, blocks, block, kept.length);
      }
      assertTrue(found > 0, format.name());
    }
  }

  /** Decoders of arbitrary bytes neither fail nor look beyond their blocks: each block has exactly its bytes. */
  @Test
  void anyBytesDecode() {
    SplittableRandom random = new SplittableRandom(9);
    for (WeightFormat format : new BlockFormats().formats()) {
      float[] values = new float[2 * format.blockValues()];
      for (int round = 0; round < 300; round++) {
        MemorySegment blocks = bytes(2 * format.blockBytes(), random);
        format.decode(blocks, 0, MemorySegment.ofArray(values), 0, values.length);
        format.decode(blocks, format.blockBytes(), MemorySegment.ofArray(values), 0, 1 + random.nextInt(format.blockValues()));
      }
    }
  }
}
