package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;

/** Decodes a block in groups of values; a row is one after another. */
abstract class GroupDecoder implements RowDecoder {

  private final int granule;
  private final int blockValues;
  private final int blockBytes;

  GroupDecoder(WeightFormat format, int granule) {
    this.granule = granule;
    blockValues = format.blockValues();
    blockBytes = format.blockBytes();
  }

  /** Writes the group that begins with value {@code first} of a block. */
  abstract void group(MemorySegment blocks, long block, int first, MemorySegment out, long to);

  @Override
  public final int granule() {
    return granule;
  }

  @Override
  public final void decode(MemorySegment blocks, long row, int from, int count, MemorySegment floats, long to) {
    int first = from % blockValues;
    long block = row + (long) (from / blockValues) * blockBytes;
    for (int i = 0; i < count; i += granule) {
      group(blocks, block, first, floats, to + i * 4L);
      first += granule;
      if (first == blockValues) {
        first = 0;
        block += blockBytes;
      }
    }
  }
}
