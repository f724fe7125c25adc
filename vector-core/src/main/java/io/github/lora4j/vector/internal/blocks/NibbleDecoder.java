package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** 32 nibbles behind one scale: sixteen values a block may have, of which each nibble chooses one. */
final class NibbleDecoder extends GroupDecoder {

  private static final int VALUES = 32;
  /** Values of four blocks: one nibble of each fills the lanes of a vector. */
  private static final int STEP = 128;

  private final boolean half;
  private final boolean linear;
  private final boolean minimum;
  private final int nibblesAt;
  private final int bytes;
  private final float[] codes;

  NibbleDecoder(GgufFormat format) {
    super(format, VALUES);
    half = format != GgufFormat.MXFP4;
    linear = format == GgufFormat.Q4_0;
    minimum = format == GgufFormat.Q4_1;
    bytes = format.blockBytes();
    nibblesAt = bytes - VALUES / 2;
    codes = codes(format);
  }

  /** What each nibble is before it is scaled. */
  static float[] codes(GgufFormat format) {
    float[] codes = new float[16];
    for (int n = 0; n < 16; n++) {
      codes[n] = format == GgufFormat.Q4_0 ? n - 8 : n;
    }
    if (format == GgufFormat.MXFP4 || format == GgufFormat.IQ4_NL) {
      // A block of scale 1 with the nibbles 0 to 15.
      MemorySegment block = MemorySegment.ofArray(new byte[format.blockBytes()]);
      if (format == GgufFormat.IQ4_NL) {
        block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(1));
      } else {
        block.set(ValueLayout.JAVA_BYTE, 0, (byte) 128);
      }
      for (int n = 0; n < 16; n++) {
        block.set(ValueLayout.JAVA_BYTE, format.blockBytes() - 16 + n, (byte) n);
      }
      format.decode(block, 0, MemorySegment.ofArray(codes), 0, 16);
    }
    return codes;
  }

  private FloatVector scaled(FloatVector table, MemorySegment blocks, long block) {
    if (half) {
      FloatVector by = table.mul(Lane.half(blocks, block));
      return minimum ? by.add(Lane.half(blocks, block + 2)) : by;
    }
    int e = Lane.u8(blocks, block);
    return table.mul(Float.intBitsToFloat(e < 2 ? 0x00200000 << e : e - 1 << 23));
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    FloatVector one = scaled(Lane.table(codes, 0), blocks, block);
    FloatVector two = scaled(Lane.table(codes, 1), blocks, block);
    Lane.nibbles(blocks, block + nibblesAt, one, two, out, to, to + 64);
  }

  @Override
  public boolean dots() {
    return true;
  }

  @Override
  public float dot(MemorySegment blocks, long row, int count, MemorySegment x, long at) {
    return minimum || !half ? any(blocks, row, count / VALUES, x, at) : halves(blocks, row, count / VALUES, x, at);
  }

  private float any(MemorySegment w, long row, int blocks, MemorySegment x, long at) {
    FloatVector codes0 = Lane.table(codes, 0);
    FloatVector codes1 = Lane.table(codes, 1);
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    for (int b = 0; b < blocks; b++) {
      long block = row + (long) b * bytes;
      sum = Lane.dot(w, block + nibblesAt, scaled(codes0, w, block), scaled(codes1, w, block), x, at + b * 128L, sum);
    }
    return Simd.sum(sum);
  }

  /** d times a sum of codes. */
  private float halves(MemorySegment w, long row, int blocks, MemorySegment x, long at) {
    FloatVector codes0 = Lane.table(codes, 0);
    FloatVector codes1 = Lane.table(codes, 1);
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    for (int b = 0; b < blocks; b++) {
      long block = row + b * 18L;
      FloatVector of = Lane.dot(w, block + 2, codes0, codes1, x, at + b * 128L, FloatVector.zero(Lane.FLOATS));
      sum = of.fma(FloatVector.broadcast(Lane.FLOATS, Lane.half(w, block)), sum);
    }
    return Simd.sum(sum);
  }

  @Override
  public int prepared(int k) {
    return Lane.WIDE && half && !minimum && k % VALUES == 0 && k >= STEP ? steps(k) * (linear ? 144 : 128) : 0;
  }

  private static int steps(int k) {
    return (k + STEP - 1) / STEP;
  }

  /** For each four blocks what meets low nibbles and what meets high ones; where values are linear, also what is added for 24 less in each. */
  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    long vectors = linear ? 9 : 8;
    for (int i = 0; i < steps(k); i++) {
      int first = Math.min(i * STEP, k - STEP);
      long target = to + i * vectors * 64;
      Raw.spread(x, at + first * 4L, 32, 64, linear ? 16 : 1, prepared, target);
      Raw.spread(x, at + first * 4L + 64, 32, 64, linear ? 16 : 1, prepared, target + 256);
      Raw.clear(prepared, target, 8, (i * STEP - first) / VALUES * 4);
      if (linear) {
        Lane.store(Raw.less(prepared, target, -1.5f).add(Raw.less(prepared, target + 256, -1.5f)), prepared, target + 512);
      }
    }
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    long rowBytes = k / VALUES * 18L;
    long blocks = Raw.blocks(w, row, stride, count, rowBytes);
    long x = Raw.address(s, prepared, prepared(k) * 4L);
    if (linear) {
      Q40Rows.run(blocks, stride, count, steps(k), rowBytes, rowBytes - 72, x, sums);
    } else {
      Iq4NlRows.run(blocks, stride, count, steps(k), rowBytes, rowBytes - 72, x, sums, codes);
    }
  }
}
