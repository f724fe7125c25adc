package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Groups of 64 nibbles in 32 bytes: low ones and high ones each with a scale and a minimum of six bits. */
final class Q4KDecoder extends GroupDecoder {

  private static final int VALUES = 64;
  private static final int BLOCK = 256;
  private static final int BYTES = 144;
  private static final float[] COUNT = new float[16];

  static {
    for (int n = 0; n < COUNT.length; n++) {
      COUNT[n] = n;
    }
  }

  Q4KDecoder() {
    super(GgufFormat.Q4_K, VALUES);
  }

  /**
   * The scale of sub-block {@code j} from the twelve bytes, eight and four of them as numbers: each read of memory costs the compiler so much that a few
   * more leave no room for vectors in registers.
   */
  static int scale(long eight, int four, int j) {
    return j < 4 ? (int) (eight >>> 8 * j) & 63 : four >>> 8 * (j - 4) & 15 | ((int) (eight >>> 8 * j - 26) & 3) << 4;
  }

  static int minimum(long eight, int four, int j) {
    return j < 4 ? (int) (eight >>> 8 * j + 32) & 63 : four >>> 8 * j - 28 & 15 | ((int) (eight >>> 8 * j + 6) & 3) << 4;
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    float d = Lane.half(blocks, block);
    float m = Lane.half(blocks, block + 2);
    long eight = Lane.i64(blocks, block + 4);
    int four = Lane.i32(blocks, block + 12);
    int j = first / 32;
    float s0 = d * scale(eight, four, j);
    float m0 = m * minimum(eight, four, j);
    float s1 = d * scale(eight, four, j + 1);
    float m1 = m * minimum(eight, four, j + 1);
    FloatVector low0 = Lane.table(COUNT, 0).mul(s0).sub(m0);
    FloatVector low1 = Lane.table(COUNT, 1).mul(s0).sub(m0);
    FloatVector high0 = Lane.table(COUNT, 0).mul(s1).sub(m1);
    FloatVector high1 = Lane.table(COUNT, 1).mul(s1).sub(m1);
    long nibbles = block + 16 + first / 2;
    for (int i = 0; i < 32; i += Lane.COUNT) {
      var n = Lane.unsigned(blocks, nibbles + i);
      Lane.store(Lane.low(n, low0, low1), out, to + i * 4L);
      Lane.store(Lane.low(Lane.shr(n, 4), high0, high1), out, to + 128 + i * 4L);
    }
  }

  @Override
  public boolean dots() {
    return Lane.WIDE;
  }

  @Override
  public float dot(MemorySegment w, long row, int count, MemorySegment x, long at) {
    FloatVector codes = Lane.table(COUNT, 0);
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    FloatVector other = sum;
    int first = 0;
    long block = row;
    for (int i = 0; i < count; i += VALUES) {
      float d = Lane.half(w, block);
      float m = Lane.half(w, block + 2);
      long eight = Lane.i64(w, block + 4);
      int four = Lane.i32(w, block + 12);
      int j = first / 32;
      FloatVector low = codes.mul(d * scale(eight, four, j)).sub(m * minimum(eight, four, j));
      FloatVector high = codes.mul(d * scale(eight, four, j + 1)).sub(m * minimum(eight, four, j + 1));
      long nibbles = block + 16 + first / 2;
      long from = at + i * 4L;
      var n0 = Lane.unsigned(w, nibbles);
      var n1 = Lane.unsigned(w, nibbles + 16);
      sum = Lane.low(n0, low, low).fma(Lane.load(x, from), sum);
      other = Lane.low(n1, low, low).fma(Lane.load(x, from + 64), other);
      sum = Lane.low(Lane.shr(n0, 4), high, high).fma(Lane.load(x, from + 128), sum);
      other = Lane.low(Lane.shr(n1, 4), high, high).fma(Lane.load(x, from + 192), other);
      first += VALUES;
      if (first == BLOCK) {
        first = 0;
        block += BYTES;
      }
    }
    return Simd.sum(sum.add(other));
  }

  /** Floats prepared for a block: for each half four vectors that meet low nibbles, four for high ones, and what is added for 16 less in each. */
  static final int PREPARED = 336;

  @Override
  public int prepared(int k) {
    return Lane.WIDE && k % BLOCK == 0 ? k / BLOCK * PREPARED : 0;
  }

  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    for (int block = 0; block < k / BLOCK; block++) {
      prepareBlock(x, at + block * BLOCK * 4L, 16, prepared, to + block * PREPARED * 4L);
    }
  }

  /** A block of Q4_K or Q5_K, whose minima meet the sums of each 32 floats. */
  static void prepareBlock(MemorySegment x, long at, float levels, MemorySegment prepared, long to) {
    for (int half = 0; half < 2; half++) {
      long from = at + half * 512L;
      long target = to + half * 640L;
      Raw.spread(x, from, 16, 64, levels, prepared, target);
      Raw.spread(x, from + 128, 16, 64, levels, prepared, target + 256);
      Lane.store(Raw.less(prepared, target, -1), prepared, target + 512);
      Lane.store(Raw.less(prepared, target + 256, -1), prepared, target + 576);
    }
    for (int j = 0; j < 8; j++) {
      prepared.set(Lane.FLOAT, to + 1280 + j * 4L, 0);
      prepared.set(Lane.FLOAT, to + 1312 + j * 4L, -Simd.sum(Lane.load(x, at + j * 128L).add(Lane.load(x, at + j * 128L + 64))));
    }
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    int blocks = k / BLOCK;
    long bytes = (long) blocks * BYTES;
    Q4KRows.run(Raw.blocks(w, row, stride, count, bytes), stride, count, blocks, bytes, Raw.address(s, prepared, prepared(k) * 4L), sums);
  }
}
