package io.github.lora4j.vector.blocks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Bytes, nibbles and halves of a block. */
final class Bits {

  private Bits() {}

  static int u8(MemorySegment s, long at) {
    return s.get(JAVA_BYTE, at) & 255;
  }

  static void u8(MemorySegment s, long at, int value) {
    s.set(JAVA_BYTE, at, (byte) value);
  }

  static float half(MemorySegment s, long at) {
    return Float.float16ToFloat(s.get(JAVA_SHORT_UNALIGNED, at));
  }

  /** Rounds to nearest even and returns what was stored. */
  static float half(MemorySegment s, long at, float value) {
    short bits = Float.floatToFloat16(value);
    s.set(JAVA_SHORT_UNALIGNED, at, bits);
    return Float.float16ToFloat(bits);
  }

  /** Value i of 2·half values, whose first half lies in the low nibbles of so many bytes and whose second in the high ones. */
  static int nibble(MemorySegment s, long at, int half, int i) {
    return i < half ? u8(s, at + i) & 15 : u8(s, at + i - half) >> 4;
  }
}
