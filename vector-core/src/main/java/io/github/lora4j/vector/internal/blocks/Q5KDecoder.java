package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** As Q4_K; the fifth bits of sub-block j are bits j of 32 bytes. */
final class Q5KDecoder extends GroupDecoder {

  private static final int VALUES = 64;

  Q5KDecoder() {
    super(GgufFormat.Q5_K, VALUES);
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    float d = Lane.half(blocks, block);
    float m = Lane.half(blocks, block + 2);
    long eight = Lane.i64(blocks, block + 4);
    int four = Lane.i32(blocks, block + 12);
    int j = first / 32;
    float s0 = d * Q4KDecoder.scale(eight, four, j);
    float m0 = m * Q4KDecoder.minimum(eight, four, j);
    float s1 = d * Q4KDecoder.scale(eight, four, j + 1);
    float m1 = m * Q4KDecoder.minimum(eight, four, j + 1);
    long nibbles = block + 48 + first / 2;
    for (int i = 0; i < 32; i += Lane.COUNT) {
      IntVector n = Lane.unsigned(blocks, nibbles + i);
      IntVector fifths = Lane.shr(Lane.unsigned(blocks, block + 16 + i), j);
      IntVector low = n.and(15).or(fifths.and(1).lanewise(VectorOperators.LSHL, 4));
      IntVector high = Lane.shr(n, 4).or(fifths.and(2).lanewise(VectorOperators.LSHL, 3));
      Lane.store(Lane.floats(low).mul(s0).sub(m0), out, to + i * 4L);
      Lane.store(Lane.floats(high).mul(s1).sub(m1), out, to + 128 + i * 4L);
    }
  }
}
