package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.BYTES;
import static io.github.lora4j.vector.internal.blocks.Lane.FLOATS;
import static io.github.lora4j.vector.internal.blocks.Lane.INTS;
import static io.github.lora4j.vector.internal.blocks.Lane.NATIVE;
import static io.github.lora4j.vector.internal.blocks.Lane.SHORT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** 32 nibbles behind one scale: sixteen values a block may have, of which each nibble chooses one. */
final class NibbleDecoder extends GroupDecoder {

  private static final int VALUES = 32;
  /** Floats prepared for a block. */
  private static final int PREPARED = 48;

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
    return Lane.WIDE && linear && k % VALUES == 0 ? k / VALUES * PREPARED : 0;
  }

  /** For each block: what meets low nibbles; what meets high ones where they lie, 16 times too large; and what is added for 8 less in each. */
  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    for (int b = 0; b < k / VALUES; b++) {
      FloatVector low = Lane.load(x, at + b * 128L);
      FloatVector high = Lane.load(x, at + b * 128L + 64);
      Lane.store(low, prepared, to + b * 192L);
      Lane.store(high.mul(0.0625f), prepared, to + b * 192L + 64);
      Lane.store(low.add(high).mul(-8f), prepared, to + b * 192L + 128);
    }
  }

  // Flat, for a method called where the code has become long is not inlined, and its vectors become objects.
  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector sum0 = zero;
    FloatVector sum1 = zero;
    FloatVector sum2 = zero;
    FloatVector sum3 = zero;
    int to = 0;
    long at = prepared;
    long end = prepared + k / VALUES * 192L;
    int blocks = count * (k / VALUES);
    for (int b = 0; b < blocks; b++) {
      long p0 = row + b * 18L;
      long p1 = p0 + stride;
      long p2 = p1 + stride;
      long p3 = p2 + stride;
      FloatVector x = FloatVector.fromMemorySegment(FLOATS, s, at, NATIVE);
      FloatVector y = FloatVector.fromMemorySegment(FLOATS, s, at + 64, NATIVE);
      FloatVector less = FloatVector.fromMemorySegment(FLOATS, s, at + 128, NATIVE);
      IntVector n0 = (IntVector) ByteVector.fromMemorySegment(BYTES, w, p0 + 2, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
      IntVector n1 = (IntVector) ByteVector.fromMemorySegment(BYTES, w, p1 + 2, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
      IntVector n2 = (IntVector) ByteVector.fromMemorySegment(BYTES, w, p2 + 2, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
      IntVector n3 = (IntVector) ByteVector.fromMemorySegment(BYTES, w, p3 + 2, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
      FloatVector of0 = ((FloatVector) n0.and(15).convertShape(I2F, FLOATS, 0)).fma(x, less);
      FloatVector of1 = ((FloatVector) n1.and(15).convertShape(I2F, FLOATS, 0)).fma(x, less);
      FloatVector of2 = ((FloatVector) n2.and(15).convertShape(I2F, FLOATS, 0)).fma(x, less);
      FloatVector of3 = ((FloatVector) n3.and(15).convertShape(I2F, FLOATS, 0)).fma(x, less);
      of0 = ((FloatVector) n0.and(0xF0).convertShape(I2F, FLOATS, 0)).fma(y, of0);
      of1 = ((FloatVector) n1.and(0xF0).convertShape(I2F, FLOATS, 0)).fma(y, of1);
      of2 = ((FloatVector) n2.and(0xF0).convertShape(I2F, FLOATS, 0)).fma(y, of2);
      of3 = ((FloatVector) n3.and(0xF0).convertShape(I2F, FLOATS, 0)).fma(y, of3);
      sum0 = of0.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p0))), sum0);
      sum1 = of1.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p1))), sum1);
      sum2 = of2.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p2))), sum2);
      sum3 = of3.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p3))), sum3);
      at += 192;
      if (at == end) {
        sum0.intoArray(sums, to);
        sum1.intoArray(sums, to + SUMS);
        sum2.intoArray(sums, to + 2 * SUMS);
        sum3.intoArray(sums, to + 3 * SUMS);
        sum0 = zero;
        sum1 = zero;
        sum2 = zero;
        sum3 = zero;
        at = prepared;
        to += Lane.COUNT;
      }
    }
  }
}
