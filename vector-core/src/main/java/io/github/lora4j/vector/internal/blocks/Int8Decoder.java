package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.Int8Rows;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** LLM.int8: an F32 and bytes. */
final class Int8Decoder extends GroupDecoder {

  private static final float PER_127 = 0.00787401574803149f;

  private final int blockValues;

  Int8Decoder(Int8Rows format) {
    super(format, Lane.CHUNK);
    blockValues = format.blockValues();
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    FloatVector absmax = FloatVector.broadcast(Lane.FLOATS, Lane.f32(blocks, block));
    for (int i = 0; i < Lane.CHUNK; i += Lane.COUNT) {
      Lane.store(Lane.signed(blocks, block + 4 + first + i).mul(absmax).mul(PER_127), out, to + i * 4L);
    }
  }

  @Override
  public boolean dots() {
    return true;
  }

  @Override
  public float dot(MemorySegment w, long row, int count, MemorySegment x, long at) {
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    long block = row;
    for (int first = 0; first < count; first += blockValues, block += blockValues + 4) {
      FloatVector of = FloatVector.zero(Lane.FLOATS);
      int end = Math.min(blockValues, count - first);
      for (int i = 0; i < end; i += Lane.COUNT) {
        of = Lane.signed(w, block + 4 + i).fma(Lane.load(x, at + (first + i) * 4L), of);
      }
      sum = of.fma(FloatVector.broadcast(Lane.FLOATS, Lane.f32(w, block) * PER_127), sum);
    }
    return Simd.sum(sum);
  }
}
