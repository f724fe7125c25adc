package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;

/** The format's own code. */
record PlainDecoder(WeightFormat format) implements RowDecoder {

  @Override
  public boolean plain() {
    return true;
  }

  @Override
  public int granule() {
    return format.blockValues();
  }

  @Override
  public void decode(MemorySegment blocks, long row, int from, int count, MemorySegment floats, long to) {
    format.decode(blocks, row + (long) (from / format.blockValues()) * format.blockBytes(), floats, to, count);
  }
}
