package io.github.lora4j.vector.blocks;

import java.lang.foreign.MemorySegment;

/** Blocks of 256 values with scales of scales. */
final class KBlocks {

  private KBlocks() {}

  static float q2k(MemorySegment b, long at, int i) {
    int scale = Bits.u8(b, at + i / 16);
    int n = Bits.u8(b, at + 16 + i / 128 * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
    return Bits.half(b, at + 80) * (scale & 15) * n - Bits.half(b, at + 82) * (scale >> 4);
  }

  static float q3k(MemorySegment b, long at, int i) {
    int low = Bits.u8(b, at + 32 + i / 128 * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
    int high = Bits.u8(b, at + i % 32) >> i / 32 & 1;
    return Bits.half(b, at + 108) * (q3Scale(b, at + 96, i / 16) - 32) * (low + 4 * high - 4);
  }

  /** Six bits: four of 16 in the nibbles of eight bytes, two in the next four bytes. */
  private static int q3Scale(MemorySegment b, long at, int j) {
    return Bits.nibble(b, at, 8, j) | (Bits.u8(b, at + 8 + j % 4) >> j / 4 * 2 & 3) << 4;
  }

  static float q4k(MemorySegment b, long at, int i) {
    int j = i / 32;
    int n = Bits.nibble(b, at + 16 + i / 64 * 32, 32, i % 64);
    return Bits.half(b, at) * scale(b, at + 4, j) * n - Bits.half(b, at + 2) * minimum(b, at + 4, j);
  }

  static float q5k(MemorySegment b, long at, int i) {
    int j = i / 32;
    int n = Bits.nibble(b, at + 48 + i / 64 * 32, 32, i % 64) | (Bits.u8(b, at + 16 + i % 32) >> j & 1) << 4;
    return Bits.half(b, at) * scale(b, at + 4, j) * n - Bits.half(b, at + 2) * minimum(b, at + 4, j);
  }

  private static int scale(MemorySegment b, long at, int j) {
    return j < 4 ? Bits.u8(b, at + j) & 63 : Bits.u8(b, at + j + 4) & 15 | Bits.u8(b, at + j - 4) >> 6 << 4;
  }

  private static int minimum(MemorySegment b, long at, int j) {
    return j < 4 ? Bits.u8(b, at + j + 4) & 63 : Bits.u8(b, at + j + 4) >> 4 | Bits.u8(b, at + j) >> 6 << 4;
  }

  static float q6k(MemorySegment b, long at, int i) {
    int half = i / 128;
    int low = Bits.nibble(b, at + half * 64, 64, i % 128);
    int high = Bits.u8(b, at + 128 + half * 32 + i % 32) >> i % 128 / 32 * 2 & 3;
    return Bits.half(b, at + 208) * (byte) Bits.u8(b, at + 192 + i / 16) * ((low | high << 4) - 32);
  }

  static float iq4xs(MemorySegment b, long at, int i) {
    int j = i / 32;
    int low = Bits.u8(b, at + 4 + j / 2) >> j % 2 * 4 & 15;
    int high = Bits.u8(b, at + 2 + j / 4) >> j % 4 * 2 & 3;
    return Bits.half(b, at) * ((low | high << 4) - 32) * Legacy.iq4(Bits.nibble(b, at + 8 + j * 16, 16, i % 32));
  }
}
