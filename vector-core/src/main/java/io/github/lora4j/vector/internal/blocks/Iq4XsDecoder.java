package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.BYTES;
import static io.github.lora4j.vector.internal.blocks.Lane.FLOATS;
import static io.github.lora4j.vector.internal.blocks.Lane.INTS;
import static io.github.lora4j.vector.internal.blocks.Lane.NATIVE;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** Eight times 32 nibbles that choose a code, with a scale of six bits each. */
final class Iq4XsDecoder extends GroupDecoder {

  private static final int VALUES = 32;
  private final float[] codes = NibbleDecoder.codes(GgufFormat.IQ4_NL);

  Iq4XsDecoder() {
    super(GgufFormat.IQ4_XS, VALUES);
  }

  // Flat, as NibbleDecoder's.
  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    int j = first / VALUES;
    int lowBits = Lane.u8(blocks, block + 4 + j / 2) >> j % 2 * 4 & 15;
    int highBits = Lane.u8(blocks, block + 2 + j / 4) >> j % 4 * 2 & 3;
    float scale = Lane.half(blocks, block) * ((lowBits | highBits << 4) - 32);
    IntVector one = FloatVector.fromArray(FLOATS, codes, 0).mul(scale).reinterpretAsInts();
    IntVector two = FloatVector.fromArray(FLOATS, codes, Lane.WIDE ? 0 : Lane.COUNT).mul(scale).reinterpretAsInts();
    for (int i = 0; i < VALUES / 2; i += Lane.COUNT) {
      IntVector n = (IntVector) ByteVector.fromMemorySegment(BYTES, blocks, block + 8 + j * 16L + i, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
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
}
