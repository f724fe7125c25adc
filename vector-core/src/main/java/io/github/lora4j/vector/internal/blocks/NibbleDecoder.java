package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.BYTES;
import static io.github.lora4j.vector.internal.blocks.Lane.FLOATS;
import static io.github.lora4j.vector.internal.blocks.Lane.INTS;
import static io.github.lora4j.vector.internal.blocks.Lane.NATIVE;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
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

  private final boolean half;
  private final boolean linear;
  private final boolean minimum;
  private final int nibblesAt;
  private final int bytes;
  private final float[] codes;
  private final Raw.Prepared prepared;

  NibbleDecoder(GgufFormat format) {
    super(format, VALUES);
    half = format != GgufFormat.MXFP4;
    linear = format == GgufFormat.Q4_0;
    minimum = format == GgufFormat.Q4_1;
    bytes = format.blockBytes();
    nibblesAt = bytes - VALUES / 2;
    codes = codes(format);
    // n is 16·(1 + n / 16) − 16, and n − 8 is that less 8.
    prepared = linear ? new Raw.Prepared(9, 16, -1.5f) : minimum ? new Raw.Prepared(10, 16, -1) : new Raw.Prepared(8, 1, 0);
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

  // Flat: where a panel's code has become long, a method that is called here with vectors is not inlined, and each vector becomes an object.
  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    int e = half ? 0 : Lane.u8(blocks, block);
    float d = half ? Lane.half(blocks, block) : Float.intBitsToFloat(e < 2 ? 0x00200000 << e : e - 1 << 23);
    FloatVector codes0 = FloatVector.fromArray(FLOATS, codes, 0).mul(d);
    FloatVector codes1 = FloatVector.fromArray(FLOATS, codes, Lane.WIDE ? 0 : Lane.COUNT).mul(d);
    if (minimum) {
      float m = Lane.half(blocks, block + 2);
      codes0 = codes0.add(m);
      codes1 = codes1.add(m);
    }
    IntVector one = codes0.reinterpretAsInts();
    IntVector two = codes1.reinterpretAsInts();
    for (int i = 0; i < VALUES / 2; i += Lane.COUNT) {
      IntVector n = (IntVector) ByteVector.fromMemorySegment(BYTES, blocks, block + nibblesAt + i, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
      IntVector m = n.lanewise(LSHR, 4);
      IntVector low = n.selectFrom(one);
      IntVector high = m.selectFrom(one);
      if (!Lane.WIDE) {
        low = low.blend(n.selectFrom(two), n.and(Lane.COUNT).compare(NE, 0));
        high = high.blend(m.selectFrom(two), m.and(Lane.COUNT).compare(NE, 0));
      }
      low.reinterpretAsFloats().intoMemorySegment(out, to + i * 4L, NATIVE);
      high.reinterpretAsFloats().intoMemorySegment(out, to + 64 + i * 4L, NATIVE);
    }
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
    return Lane.WIDE && half && Raw.wholeSteps(k, VALUES) ? prepared.floats(k) : 0;
  }

  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    this.prepared.fill(x, at, k, prepared, to);
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    long rowBytes = (long) k / VALUES * bytes;
    long blocks = Raw.blocks(w, row, stride, count, rowBytes);
    long x = Raw.address(s, prepared, prepared(k) * 4L);
    long last = rowBytes - 4 * bytes;
    if (linear) {
      Q40Rows.run(blocks, stride, count, Raw.steps(k), rowBytes, last, x, sums);
    } else if (minimum) {
      Q41Rows.run(blocks, stride, count, Raw.steps(k), rowBytes, last, x, sums);
    } else {
      Iq4NlRows.run(blocks, stride, count, Raw.steps(k), rowBytes, last, x, sums, codes);
    }
  }
}
