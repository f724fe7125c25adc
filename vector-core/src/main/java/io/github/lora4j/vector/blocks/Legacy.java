package io.github.lora4j.vector.blocks;

import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

/** Blocks of 32 values behind one scale. */
final class Legacy {

  private static final int VALUES = 32;
  private static final int HALF = 16;
  private static final byte[] IQ4 = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  /** Twice the values of E2M1. */
  private static final byte[] E2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private Legacy() {}

  /** Code n of IQ4_NL and IQ4_XS. */
  static int iq4(int n) {
    return IQ4[n];
  }

  static float q40(MemorySegment b, long at, int i) {
    return Bits.half(b, at) * (Bits.nibble(b, at + 2, HALF, i) - 8);
  }

  static float q41(MemorySegment b, long at, int i) {
    return Bits.half(b, at) * Bits.nibble(b, at + 4, HALF, i) + Bits.half(b, at + 2);
  }

  static float q50(MemorySegment b, long at, int i) {
    return Bits.half(b, at) * (fifth(b, at + 2, i) + Bits.nibble(b, at + 6, HALF, i) - 16);
  }

  static float q51(MemorySegment b, long at, int i) {
    return Bits.half(b, at) * (fifth(b, at + 4, i) + Bits.nibble(b, at + 8, HALF, i)) + Bits.half(b, at + 2);
  }

  private static int fifth(MemorySegment b, long at, int i) {
    return (Bits.u8(b, at + i / 8) >> i % 8 & 1) << 4;
  }

  static float q80(MemorySegment b, long at, int i) {
    return Bits.half(b, at) * (byte) Bits.u8(b, at + 2 + i);
  }

  static float iq4nl(MemorySegment b, long at, int i) {
    return Bits.half(b, at) * IQ4[Bits.nibble(b, at + 2, HALF, i)];
  }

  static float mxfp4(MemorySegment b, long at, int i) {
    return e8m0Half(Bits.u8(b, at)) * E2M1[Bits.nibble(b, at + 1, HALF, i)];
  }

  /** 2^(e − 128); the smallest two are subnormal. */
  private static float e8m0Half(int e) {
    return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : e - 1 << 23);
  }

  private static void nibbles(MemorySegment b, long at, IntUnaryOperator code) {
    for (int i = 0; i < HALF; i++) {
      Bits.u8(b, at + i, code.applyAsInt(i) & 15 | code.applyAsInt(i + HALF) << 4);
    }
  }

  private static void fifths(MemorySegment b, long at, IntUnaryOperator code) {
    for (int i = 0; i < VALUES; i += 8) {
      int bits = 0;
      for (int j = 0; j < 8; j++) {
        bits |= (code.applyAsInt(i + j) >> 4 & 1) << j;
      }
      Bits.u8(b, at + i / 8, bits);
    }
  }

  /** The first element of the largest magnitude, with its sign. */
  private static float signedLargest(float[] x) {
    float largest = x[0];
    for (float value : x) {
      largest = Math.abs(value) > Math.abs(largest) ? value : largest;
    }
    return largest;
  }

  private static float least(float[] x) {
    float least = x[0];
    for (float value : x) {
      least = Math.min(least, value);
    }
    return least;
  }

  private static float most(float[] x) {
    float most = x[0];
    for (float value : x) {
      most = Math.max(most, value);
    }
    return most;
  }

  private static float inverse(float d) {
    return d == 0 ? 0 : 1 / d;
  }

  static void encodeQ40(float[] x, MemorySegment b, long at) {
    float d = signedLargest(x) / -8;
    float inverse = inverse(d);
    Bits.half(b, at, d);
    nibbles(b, at + 2, i -> Math.clamp((int) (x[i] * inverse + 8.5f), 0, 15));
  }

  static void encodeQ41(float[] x, MemorySegment b, long at) {
    float m = least(x);
    float d = (most(x) - m) / 15;
    float inverse = inverse(d);
    Bits.half(b, at, d);
    Bits.half(b, at + 2, m);
    nibbles(b, at + 4, i -> Math.clamp((int) ((x[i] - m) * inverse + 0.5f), 0, 15));
  }

  static void encodeQ50(float[] x, MemorySegment b, long at) {
    float d = signedLargest(x) / -16;
    float inverse = inverse(d);
    IntUnaryOperator code = i -> Math.clamp((int) (x[i] * inverse + 16.5f), 0, 31);
    Bits.half(b, at, d);
    fifths(b, at + 2, code);
    nibbles(b, at + 6, code);
  }

  static void encodeQ51(float[] x, MemorySegment b, long at) {
    float m = least(x);
    float d = (most(x) - m) / 31;
    float inverse = inverse(d);
    IntUnaryOperator code = i -> Math.clamp((int) ((x[i] - m) * inverse + 0.5f), 0, 31);
    Bits.half(b, at, d);
    Bits.half(b, at + 2, m);
    fifths(b, at + 4, code);
    nibbles(b, at + 8, code);
  }

  /** Rounds halves away from zero. */
  static void encodeQ80(float[] x, MemorySegment b, long at) {
    float d = Math.abs(signedLargest(x)) / 127;
    float inverse = inverse(d);
    Bits.half(b, at, d);
    for (int i = 0; i < VALUES; i++) {
      float scaled = Math.abs(x[i] * inverse);
      float whole = (float) Math.floor(scaled);
      whole += (float) Math.floor(2 * (scaled - whole));
      Bits.u8(b, at + 2 + i, (int) (x[i] < 0 ? -whole : whole));
    }
  }

  static void encodeMxfp4(float[] x, MemorySegment b, long at) {
    float largest = Math.abs(signedLargest(x));
    int e = largest > 0 ? (int) Math.floor((float) (Math.log(largest) / Math.log(2))) - 2 + 127 : 0;
    Bits.u8(b, at, e);
    float d = e8m0Half(e & 255);
    nibbles(b, at + 1, i -> {
      int best = 0;
      for (int n = 1; n < E2M1.length; n++) {
        best = Math.abs(d * E2M1[n] - x[i]) < Math.abs(d * E2M1[best] - x[i]) ? n : best;
      }
      return best;
    });
  }
}
