package io.github.lora4j.vector.blocks;

import java.lang.foreign.MemorySegment;

/**
 * Encoders that look for scales with a small squared error: for each few values some grids a little finer or coarser than the widest value asks for,
 * with the scale that fits their rounding best, then all scales in their few bits, then the values once more.
 */
final class KEncoders {

  private static final int VALUES = 256;
  /** Grids tried on either side of the plain one, and how far apart. */
  private static final int STEPS = 10;
  private static final float STEP = 0.1f;
  /** Scales tried on either side of a rounded one. */
  private static final int NEIGHBOURS = 2;

  private KEncoders() {}

  /** Scales and offsets of all sub-blocks: x is about scale·n − offset, n in [0, levels]. */
  private static void affine(float[] x, int size, int levels, float[] scale, float[] offset) {
    for (int j = 0; j < scale.length; j++) {
      affine(x, j * size, size, levels, scale, offset, j);
    }
  }

  private static void affine(float[] x, int from, int size, int levels, float[] scale, float[] offset, int j) {
    float low = 0;
    float high = x[from];
    for (int i = from; i < from + size; i++) {
      low = Math.min(low, x[i]);
      high = Math.max(high, x[i]);
    }
    if (high <= low) {
      scale[j] = 0;
      offset[j] = -low;
      return;
    }
    double least = Double.POSITIVE_INFINITY;
    for (int step = -STEPS; step <= STEPS; step++) {
      float inverse = (levels + step * STEP) / (high - low);
      double n1 = 0;
      double n2 = 0;
      double xn = 0;
      double x1 = 0;
      double x2 = 0;
      for (int i = from; i < from + size; i++) {
        int n = Math.clamp(Math.round((x[i] - low) * inverse), 0, levels);
        n1 += n;
        n2 += (double) n * n;
        xn += (double) n * x[i];
        x1 += x[i];
        x2 += (double) x[i] * x[i];
      }
      double det = size * n2 - n1 * n1;
      double s = det > 0 ? (size * xn - n1 * x1) / det : 0;
      double m = (x1 - s * n1) / size;
      if (m > 0 || det <= 0) {
        m = 0;
        s = n2 > 0 ? xn / n2 : 0;
      }
      double error = x2 + s * s * n2 + size * m * m - 2 * s * xn - 2 * m * x1 + 2 * s * m * n1;
      if (s >= 0 && error < least) {
        least = error;
        scale[j] = (float) s;
        offset[j] = (float) -m;
      }
    }
  }

  /** The signed scale of some values, x is about scale·code: a grid of integers from −levels to levels − 1, or of IQ4's codes. */
  private static float symmetric(float[] x, int from, int size, int levels, boolean iq4) {
    float largest = 0;
    for (int i = from; i < from + size; i++) {
      largest = Math.abs(x[i]) > Math.abs(largest) ? x[i] : largest;
    }
    double best = 0;
    double scale = 0;
    for (int step = -STEPS; step <= STEPS && largest != 0; step++) {
      float inverse = -(levels + step * STEP * (iq4 ? 7 : 1)) / largest;
      double n2 = 0;
      double xn = 0;
      for (int i = from; i < from + size; i++) {
        int n = iq4 ? Legacy.iq4(nearest(x[i] * inverse)) : Math.clamp(Math.round(x[i] * inverse), -levels, levels - 1);
        n2 += (double) n * n;
        xn += (double) n * x[i];
      }
      if (n2 > 0 && xn * xn > best * n2) {
        best = xn * xn / n2;
        scale = xn / n2;
      }
    }
    return (float) scale;
  }

  private static int nearest(float value) {
    int best = 0;
    for (int n = 1; n < 16; n++) {
      best = Math.abs(Legacy.iq4(n) - value) < Math.abs(Legacy.iq4(best) - value) ? n : best;
    }
    return best;
  }

  /** Rounds to so many steps; where there is no step, 0. */
  private static int round(float value, float step, int least, int most) {
    return step == 0 ? 0 : Math.clamp(Math.round(value / step), least, most);
  }

  /** Of a rounded scale and its neighbours that with which 16 values err least: an outlier loses more to the scale's rounding than all others. */
  private static int best(float[] x, int from, float d, int scale, int most, int levels) {
    int best = scale;
    double least = Double.POSITIVE_INFINITY;
    for (int s = Math.max(-most, scale - NEIGHBOURS); s <= Math.min(most - 1, scale + NEIGHBOURS); s++) {
      double error = 0;
      for (int i = from; i < from + 16; i++) {
        double difference = x[i] - d * s * round(x[i], d * s, -levels, levels - 1);
        error += difference * difference;
      }
      if (error < least) {
        least = error;
        best = s;
      }
    }
    return best;
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.abs(value) > Math.abs(largest) ? value : largest;
    }
    return largest;
  }

  static void q2k(float[] x, MemorySegment b, long at) {
    float[] scale = new float[16];
    float[] offset = new float[16];
    affine(x, 16, 3, scale, offset);
    float d = Bits.half(b, at + 80, largest(scale) / 15);
    float m = Bits.half(b, at + 82, largest(offset) / 15);
    b.asSlice(at + 16, 64).fill((byte) 0);
    for (int j = 0; j < 16; j++) {
      int s = round(scale[j], d, 0, 15);
      int t = round(offset[j], m, 0, 15);
      Bits.u8(b, at + j, s | t << 4);
      for (int i = j * 16; i < j * 16 + 16; i++) {
        or(b, at + 16 + i / 128 * 32 + i % 32, round(x[i] + m * t, d * s, 0, 3) << i % 128 / 32 * 2);
      }
    }
  }

  static void q3k(float[] x, MemorySegment b, long at) {
    float[] scale = symmetric(x, 16, 4, false);
    float d = Bits.half(b, at + 108, largest(scale) / -32);
    b.asSlice(at, 108).fill((byte) 0);
    for (int j = 0; j < 16; j++) {
      int s = best(x, j * 16, d, round(scale[j], d, -32, 31), 32, 4);
      or(b, at + 96 + j % 8, (s + 32 & 15) << j / 8 * 4);
      or(b, at + 104 + j % 4, (s + 32 >> 4) << j / 4 * 2);
      for (int i = j * 16; i < j * 16 + 16; i++) {
        int n = round(x[i], d * s, -4, 3) + 4;
        or(b, at + 32 + i / 128 * 32 + i % 32, (n & 3) << i % 128 / 32 * 2);
        or(b, at + i % 32, n >> 2 << i / 32);
      }
    }
  }

  private static float[] symmetric(float[] x, int size, int levels, boolean iq4) {
    float[] scale = new float[VALUES / size];
    for (int j = 0; j < scale.length; j++) {
      scale[j] = symmetric(x, j * size, size, levels, iq4);
    }
    return scale;
  }

  static void q4k(float[] x, MemorySegment b, long at) {
    q45k(x, b, at, 15, at + 16);
  }

  static void q5k(float[] x, MemorySegment b, long at) {
    q45k(x, b, at, 31, at + 48);
  }

  private static void q45k(float[] x, MemorySegment b, long at, int levels, long nibbles) {
    float[] scale = new float[8];
    float[] offset = new float[8];
    affine(x, 32, levels, scale, offset);
    float d = Bits.half(b, at, largest(scale) / 63);
    float m = Bits.half(b, at + 2, largest(offset) / 63);
    b.asSlice(at + 4, nibbles + VALUES / 2 - at - 4).fill((byte) 0);
    for (int j = 0; j < 8; j++) {
      int s = round(scale[j], d, 0, 63);
      int t = round(offset[j], m, 0, 63);
      if (j < 4) {
        or(b, at + 4 + j, s);
        or(b, at + 8 + j, t);
      } else {
        or(b, at + 8 + j, s & 15 | t << 4);
        or(b, at + j, s >> 4 << 6);
        or(b, at + 4 + j, t >> 4 << 6);
      }
      for (int i = j * 32; i < j * 32 + 32; i++) {
        int n = round(x[i] + m * t, d * s, 0, levels);
        or(b, nibbles + i / 64 * 32 + i % 32, (n & 15) << j % 2 * 4);
        if (levels > 15) {
          or(b, at + 16 + i % 32, n >> 4 << j);
        }
      }
    }
  }

  static void q6k(float[] x, MemorySegment b, long at) {
    float[] scale = symmetric(x, 16, 32, false);
    float d = Bits.half(b, at + 208, largest(scale) / -128);
    b.asSlice(at, 208).fill((byte) 0);
    for (int j = 0; j < 16; j++) {
      int s = best(x, j * 16, d, round(scale[j], d, -128, 127), 128, 32);
      Bits.u8(b, at + 192 + j, s);
      for (int i = j * 16; i < j * 16 + 16; i++) {
        int n = round(x[i], d * s, -32, 31) + 32;
        or(b, at + i / 128 * 64 + i % 64, (n & 15) << i % 128 / 64 * 4);
        or(b, at + 128 + i / 128 * 32 + i % 32, n >> 4 << i % 128 / 32 * 2);
      }
    }
  }

  static void iq4nl(float[] x, MemorySegment b, long at) {
    float d = Bits.half(b, at, symmetric(x, 0, 32, 127, true));
    iq4(x, 0, d, b, at + 2);
  }

  static void iq4xs(float[] x, MemorySegment b, long at) {
    float[] scale = symmetric(x, 32, 127, true);
    float d = Bits.half(b, at, largest(scale) / -32);
    b.asSlice(at + 2, 6).fill((byte) 0);
    for (int j = 0; j < 8; j++) {
      int s = round(scale[j], d, -32, 31);
      or(b, at + 4 + j / 2, (s + 32 & 15) << j % 2 * 4);
      or(b, at + 2 + j / 4, (s + 32 >> 4) << j % 4 * 2);
      iq4(x, j * 32, d * s, b, at + 8 + j * 16);
    }
  }

  private static void iq4(float[] x, int from, float scale, MemorySegment b, long at) {
    float inverse = scale == 0 ? 0 : 1 / scale;
    for (int i = from; i < from + 16; i++) {
      Bits.u8(b, at + i - from, nearest(x[i] * inverse) | nearest(x[i + 16] * inverse) << 4);
    }
  }

  private static void or(MemorySegment b, long at, int bits) {
    Bits.u8(b, at, Bits.u8(b, at) | bits);
  }
}
