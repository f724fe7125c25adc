package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;

/** Groups of 128 values, two bits of four of them in each of 32 bytes; a scale and a minimum of four bits for each 16. */
final class Q2KDecoder extends GroupDecoder {

  private static final int VALUES = 128;

  Q2KDecoder() {
    super(GgufFormat.Q2_K, VALUES);
  }

  @Override
  void group(MemorySegment b, long block, int first, MemorySegment out, long to) {
    float d = Lane.half(b, block + 80);
    float m = Lane.half(b, block + 82);
    for (int i = 0; i < 32; i += Lane.COUNT) {
      IntVector four = Lane.unsigned(b, block + 16 + first / 4 + i);
      for (int j = 0; j < 4; j++) {
        int scale = Lane.u8(b, block + first / 16 + j * 2 + i / 16);
        Lane.store(Lane.floats(Lane.shr(four, 2 * j).and(3)).mul(d * (scale & 15)).sub(m * (scale >> 4)), out, to + j * 128L + i * 4L);
      }
    }
  }
}
