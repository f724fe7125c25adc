package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Groups of 128 values: two bits of four of them in each of 32 bytes, the third bits of each 32 in 32 more; a scale of six bits for each 16. */
final class Q3KDecoder extends GroupDecoder {

  private static final int VALUES = 128;

  Q3KDecoder() {
    super(GgufFormat.Q3_K, VALUES);
  }

  private static int scale(MemorySegment b, long at, int j) {
    int low = j < 8 ? Lane.u8(b, at + j) & 15 : Lane.u8(b, at + j - 8) >> 4;
    return (low | (Lane.u8(b, at + 8 + j % 4) >> j / 4 * 2 & 3) << 4) - 32;
  }

  @Override
  void group(MemorySegment b, long block, int first, MemorySegment out, long to) {
    float d = Lane.half(b, block + 108);
    for (int i = 0; i < 32; i += Lane.COUNT) {
      IntVector four = Lane.unsigned(b, block + 32 + first / 4 + i);
      IntVector third = Lane.unsigned(b, block + i);
      for (int j = 0; j < 4; j++) {
        float scale = d * scale(b, block + 96, first / 16 + j * 2 + i / 16);
        IntVector bit = Lane.shr(third, first / 32 + j).and(1).lanewise(VectorOperators.LSHL, 2);
        Lane.store(Lane.floats(Lane.shr(four, 2 * j).and(3).add(bit).sub(4)).mul(scale), out, to + j * 128L + i * 4L);
      }
    }
  }
}
