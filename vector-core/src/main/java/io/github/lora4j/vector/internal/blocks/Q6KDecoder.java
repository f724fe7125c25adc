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

  /**
   * Values i to i + lanes of quarter q. One quarter at a time, each reading its bytes again: with all four in one loop the compiler has no room left, and
   * vectors become objects.
   */
  private static FloatVector quarter(MemorySegment b, long nibbles, long pairs, int q, int i) {
    IntVector four = Lane.shr(Lane.unsigned(b, nibbles + (q & 1) * 32 + i), (q >> 1) * 4).and(15);
    IntVector two = Lane.shr(Lane.unsigned(b, pairs + i), 2 * q).and(3).lanewise(VectorOperators.LSHL, 4);
    return Lane.floats(four.or(two).sub(32));
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
    for (int q = 0; q < 4; q++) {
      for (int i = 0; i < 32; i += Lane.COUNT) {
        Lane.store(quarter(b, nibbles, pairs, q, i).mul(scale(scales, 2 * q + i / 16, d)), out, to + (32 * q + i) * 4L);
      }
    }
  }

  @Override
  public boolean dots() {
    return true;
  }

  @Override
  public float dot(MemorySegment w, long row, int count, MemorySegment x, long at) {
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    int first = 0;
    long block = row;
    for (int from = 0; from < count; from += VALUES) {
      float d = Lane.half(w, block + 208);
      long nibbles = block + first / 2;
      long pairs = block + 128 + first / 4;
      long scales = Lane.i64(w, block + 192 + first / 16);
      for (int q = 0; q < 4; q++) {
        for (int i = 0; i < 32; i += Lane.COUNT) {
          FloatVector product = quarter(w, nibbles, pairs, q, i).mul(Lane.load(x, at + (from + 32 * q + i) * 4L));
          sum = product.fma(broadcast(scale(scales, 2 * q + i / 16, d)), sum);
        }
      }
      first += VALUES;
      if (first == BLOCK) {
        first = 0;
        block += BYTES;
      }
    }
    return Simd.sum(sum);
  }

  private static FloatVector broadcast(float value) {
    return FloatVector.broadcast(Lane.FLOATS, value);
  }

  /** Floats prepared for a block: for each half four vectors that meet low nibbles, four for high ones, and what is added for 96 less in each. */
  private static final int PREPARED = 320;

  @Override
  public int prepared(int k) {
    return Lane.WIDE && k % BLOCK == 0 ? k / BLOCK * PREPARED : 0;
  }

  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    for (int half = 0; half < k / VALUES; half++) {
      long from = at + half * 512L;
      long target = to + half * 640L;
      Raw.spread(x, from, 16, 32, 64, prepared, target);
      Raw.spread(x, from + 256, 16, 32, 64, prepared, target + 256);
      Lane.store(Raw.less(prepared, target, -1.5f), prepared, target + 512);
      Lane.store(Raw.less(prepared, target + 256, -1.5f), prepared, target + 576);
    }
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    int blocks = k / BLOCK;
    long bytes = (long) blocks * BYTES;
    Q6KRows.run(Raw.blocks(w, row, stride, count, bytes), stride, count, blocks, bytes, Raw.address(s, prepared, prepared(k) * 4L), sums);
  }
}
