package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Eight times 32 nibbles that choose a code, with a scale of six bits each. */
final class Iq4XsDecoder extends GroupDecoder {

  private static final int VALUES = 32;
  private final float[] codes = NibbleDecoder.codes(GgufFormat.IQ4_NL);

  Iq4XsDecoder() {
    super(GgufFormat.IQ4_XS, VALUES);
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    int j = first / VALUES;
    int low = Lane.u8(blocks, block + 4 + j / 2) >> j % 2 * 4 & 15;
    int high = Lane.u8(blocks, block + 2 + j / 4) >> j % 4 * 2 & 3;
    float scale = Lane.half(blocks, block) * ((low | high << 4) - 32);
    FloatVector one = Lane.table(codes, 0).mul(scale);
    FloatVector two = Lane.table(codes, 1).mul(scale);
    Lane.nibbles(blocks, block + 8 + j * 16L, one, two, out, to, to + 64);
  }
}
