package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Groups of 128 values: nibbles in 64 bytes, two more bits of each in 32, a signed scale for each 16. */
final class Q6KDecoder extends GroupDecoder {

  private static final int VALUES = 128;
  private static final int BLOCK = 256;
  private static final int BYTES = 210;

  Q6KDecoder() {
    super(GgufFormat.Q6_K, VALUES);
  }

  private static IntVector six(IntVector nibbles, IntVector pairs, int shift) {
    return nibbles.or(Lane.shr(pairs, shift).and(3).lanewise(VectorOperators.LSHL, 4)).sub(32);
  }

  /** Of the eight scales of a group that of 16 values. */
  private static float scale(long scales, int i, float d) {
    return d * (byte) (scales >>> 8 * i);
  }

  @Override
  void group(MemorySegment b, long block, int first, MemorySegment out, long to) {
    float d = Lane.half(b, block + 208);
    long nibbles = block + first / 2;
    long pairs = block + 128 + first / 4;
    long scales = Lane.i64(b, block + 192 + first / 16);
    for (int i = 0; i < 32; i += Lane.COUNT) {
      IntVector low = Lane.unsigned(b, nibbles + i);
      IntVector high = Lane.unsigned(b, nibbles + 32 + i);
      IntVector two = Lane.unsigned(b, pairs + i);
      int s = i / 16;
      long at = to + i * 4L;
      Lane.store(Lane.floats(six(low.and(15), two, 0)).mul(scale(scales, s, d)), out, at);
      Lane.store(Lane.floats(six(high.and(15), two, 2)).mul(scale(scales, s + 2, d)), out, at + 128);
      Lane.store(Lane.floats(six(Lane.shr(low, 4), two, 4)).mul(scale(scales, s + 4, d)), out, at + 256);
      Lane.store(Lane.floats(six(Lane.shr(high, 4), two, 6)).mul(scale(scales, s + 6, d)), out, at + 384);
    }
  }

  @Override
  public boolean dots() {
    return true;
  }

  @Override
  public float dot(MemorySegment w, long row, int count, MemorySegment x, long at) {
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    FloatVector other = sum;
    int first = 0;
    long block = row;
    for (int from = 0; from < count; from += VALUES) {
      float d = Lane.half(w, block + 208);
      long nibbles = block + first / 2;
      long pairs = block + 128 + first / 4;
      long scales = Lane.i64(w, block + 192 + first / 16);
      for (int i = 0; i < 32; i += Lane.COUNT) {
        IntVector low = Lane.unsigned(w, nibbles + i);
        IntVector high = Lane.unsigned(w, nibbles + 32 + i);
        IntVector two = Lane.unsigned(w, pairs + i);
        int s = i / 16;
        long in = at + (from + i) * 4L;
        sum = Lane.floats(six(low.and(15), two, 0)).mul(Lane.load(x, in)).fma(broadcast(scale(scales, s, d)), sum);
        other = Lane.floats(six(high.and(15), two, 2)).mul(Lane.load(x, in + 128)).fma(broadcast(scale(scales, s + 2, d)), other);
        sum = Lane.floats(six(Lane.shr(low, 4), two, 4)).mul(Lane.load(x, in + 256)).fma(broadcast(scale(scales, s + 4, d)), sum);
        other = Lane.floats(six(Lane.shr(high, 4), two, 6)).mul(Lane.load(x, in + 384)).fma(broadcast(scale(scales, s + 6, d)), other);
      }
      first += VALUES;
      if (first == BLOCK) {
        first = 0;
        block += BYTES;
      }
    }
    return Simd.sum(sum.add(other));
  }

  private static FloatVector broadcast(float value) {
    return FloatVector.broadcast(Lane.FLOATS, value);
  }
}
