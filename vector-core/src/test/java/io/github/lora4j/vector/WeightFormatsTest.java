package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WeightFormatsTest {

  /** What a format may do wrong. */
  private enum Fault {
    DECODE_READS_PAST, DECODE_WRITES_PAST, DECODE_WRITES_PAST_A_PART, DECODE_READS_BEFORE, ENCODE_READS_PAST, ENCODE_WRITES_PAST
  }

  /** Another class of a name that is taken. */
  private record Impostor() implements WeightFormat {

    private static final Scaled8 SCALED = new Scaled8(32);

    @Override
    public String name() {
      return SCALED.name();
    }

    @Override
    public int blockValues() {
      return SCALED.blockValues();
    }

    @Override
    public int blockBytes() {
      return SCALED.blockBytes();
    }

    @Override
    public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
      SCALED.decode(blocks, at, floats, to, count);
    }

    @Override
    public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
      SCALED.encode(floats, from, blocks, at, count);
    }
  }

  private record Faulty(Fault fault) implements WeightFormat {

    private static final Scaled8 RIGHT = new Scaled8(32);

    @Override
    public String name() {
      return "faulty";
    }

    @Override
    public int blockValues() {
      return 32;
    }

    @Override
    public int blockBytes() {
      return RIGHT.blockBytes();
    }

    @Override
    public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
      RIGHT.decode(blocks, at, floats, to, fault == Fault.DECODE_WRITES_PAST_A_PART ? (count + 31) / 32 * 32 : count);
      long end = at + (count + 31L) / 32 * blockBytes();
      switch (fault) {
        case DECODE_READS_PAST -> floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to, blocks.get(ValueLayout.JAVA_BYTE, end));
        case DECODE_WRITES_PAST -> floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + 4L * count, 0);
        case DECODE_READS_BEFORE -> floats.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to,
            at == 0 ? 0 : blocks.get(ValueLayout.JAVA_BYTE, at - 1));
        default -> { }
      }
    }

    @Override
    public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
      RIGHT.encode(floats, from, blocks, at, count);
      switch (fault) {
        case ENCODE_READS_PAST -> blocks.set(ValueLayout.JAVA_BYTE, at, (byte) floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, from + 4L * count));
        case ENCODE_WRITES_PAST -> blocks.set(ValueLayout.JAVA_BYTE, at + (count + 31L) / 32 * blockBytes(), (byte) 0);
        default -> { }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFormatThatLeavesItsBlocksIsNamed(Fault fault) {
    String message = assertThrows(ConfigException.class, () -> WeightFormats.checked(new Faulty(fault))).getMessage();
    assertTrue(message.contains(Faulty.class.getName()) && message.contains("past its"), message);
  }

  @Test
  void oneThatKeepsToThemIsTaken() {
    for (int values : new int[] {1, 3, 32, 256}) {
      WeightFormats.checked(new Scaled8(values));
    }
  }

  @Test
  void aNameIsThatOfOneFormat() {
    assertEquals(WeightFormat.BF16, WeightFormats.named("bf16"));
    String unknown = assertThrows(ConfigException.class, () -> WeightFormats.named("int4")).getMessage();
    assertTrue(unknown.startsWith("weights must be one of bf16, f16, f32, fp4, int8, iq4_nl,") && unknown.contains(" q8_0")
        && unknown.endsWith(", got \"int4\""), unknown);
    String twice = assertThrows(ConfigException.class, () -> WeightFormats.byName(List.of(new Scaled8(32), new Impostor()))).getMessage();
    assertTrue(twice.contains("scaled8-32") && twice.contains(Scaled8.class.getName() + " and " + Impostor.class.getName()), twice);
  }

  @Test
  void elementsAreConvertedOnceAndCopiedBitByBit() {
    Elements bf16 = new Elements(DType.BF16);
    MemorySegment odd = MemorySegment.ofArray(new short[] {(short) 0x7F81, (short) 0x8000, 0x3F80});
    MemorySegment copy = MemorySegment.ofArray(new short[3]);
    bf16.convert(odd, bf16, copy, 3);
    assertArrayEquals(odd.toArray(ValueLayout.JAVA_SHORT), copy.toArray(ValueLayout.JAVA_SHORT));
    MemorySegment wide = MemorySegment.ofArray(new double[] {1.00390625, 1e-40, 1e300});
    MemorySegment narrow = MemorySegment.ofArray(new float[3]);
    new Elements(DType.F64).convert(wide, new Elements(DType.F32), narrow, 3);
    assertArrayEquals(new float[] {1.00390625f, 1e-40f, Float.POSITIVE_INFINITY}, narrow.toArray(ValueLayout.JAVA_FLOAT));
    new Elements(DType.F64).convert(wide, bf16, copy, 3);
    assertArrayEquals(new short[] {0x3F80, 1, 0x7F80}, copy.toArray(ValueLayout.JAVA_SHORT), "ties to even");
    assertThrows(ConfigException.class, () -> new Elements(DType.I8));
  }
}
