package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.BYTES;
import static io.github.lora4j.vector.internal.blocks.Lane.FLOATS;
import static io.github.lora4j.vector.internal.blocks.Lane.NATIVE;
import static io.github.lora4j.vector.internal.blocks.Lane.SHORT;
import static io.github.lora4j.vector.internal.blocks.Lane.WIDE;
import static io.github.lora4j.vector.internal.blocks.Lane.WIDTH;
import static jdk.incubator.vector.VectorOperators.B2F;

import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;

/** A half and 32 bytes. */
final class Q80Decoder extends GroupDecoder {

  private static final int VALUES = 32;
  private static final int BLOCK = 34;

  Q80Decoder() {
    super(GgufFormat.Q8_0, VALUES);
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    FloatVector d = FloatVector.broadcast(Lane.FLOATS, Lane.half(blocks, block));
    for (int i = 0; i < VALUES; i += Lane.COUNT) {
      Lane.store(Lane.signed(blocks, block + 2 + i).mul(d), out, to + i * 4L);
    }
  }

  @Override
  public boolean dots() {
    return true;
  }

  @Override
  public float dot(MemorySegment blocks, long row, int count, MemorySegment x, long at) {
    return row(blocks, row, count / VALUES, x, at);
  }

  private static float row(MemorySegment w, long row, int blocks, MemorySegment x, long at) {
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    for (int b = 0; b < blocks; b++) {
      long block = row + (long) b * BLOCK;
      long from = at + b * 128L;
      FloatVector of = Lane.signed(w, block + 2).mul(Lane.load(x, from));
      of = Lane.signed(w, block + 2 + Lane.COUNT).fma(Lane.load(x, from + WIDTH), of);
      if (!WIDE) {
        of = Lane.signed(w, block + 2 + 2 * Lane.COUNT).fma(Lane.load(x, from + 2 * WIDTH), of);
        of = Lane.signed(w, block + 2 + 3 * Lane.COUNT).fma(Lane.load(x, from + 3 * WIDTH), of);
      }
      sum = of.fma(FloatVector.broadcast(Lane.FLOATS, Lane.half(w, block)), sum);
    }
    return Simd.sum(sum);
  }

  @Override
  public int prepared(int k) {
    return WIDE && k % VALUES == 0 ? k : 0;
  }

  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    MemorySegment.copy(x, at, prepared, to, k * 4L);
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
    long end = prepared + k * 4L;
    int blocks = count * (k / VALUES);
    for (int b = 0; b < blocks; b++) {
      long p0 = row + (long) b * BLOCK;
      long p1 = p0 + stride;
      long p2 = p1 + stride;
      long p3 = p2 + stride;
      FloatVector x = FloatVector.fromMemorySegment(FLOATS, s, at, NATIVE);
      FloatVector y = FloatVector.fromMemorySegment(FLOATS, s, at + 64, NATIVE);
      FloatVector of0 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p0 + 2, NATIVE).convertShape(B2F, FLOATS, 0)).mul(x);
      FloatVector of1 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p1 + 2, NATIVE).convertShape(B2F, FLOATS, 0)).mul(x);
      FloatVector of2 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p2 + 2, NATIVE).convertShape(B2F, FLOATS, 0)).mul(x);
      FloatVector of3 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p3 + 2, NATIVE).convertShape(B2F, FLOATS, 0)).mul(x);
      of0 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p0 + 18, NATIVE).convertShape(B2F, FLOATS, 0)).fma(y, of0);
      of1 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p1 + 18, NATIVE).convertShape(B2F, FLOATS, 0)).fma(y, of1);
      of2 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p2 + 18, NATIVE).convertShape(B2F, FLOATS, 0)).fma(y, of2);
      of3 = ((FloatVector) ByteVector.fromMemorySegment(BYTES, w, p3 + 18, NATIVE).convertShape(B2F, FLOATS, 0)).fma(y, of3);
      sum0 = of0.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p0))), sum0);
      sum1 = of1.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p1))), sum1);
      sum2 = of2.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p2))), sum2);
      sum3 = of3.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(w.get(SHORT, p3))), sum3);
      at += 128;
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
