package io.github.lora4j.vector;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** A toy: blocks of a scale in F32 and a byte for each value. */
public record Scaled8(int blockValues) implements WeightFormat {

  @Override
  public String name() {
    return "scaled8-" + blockValues;
  }

  @Override
  public int blockBytes() {
    return Float.BYTES + blockValues;
  }

  @Override
  public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
    for (int i = 0; i < count; i++) {
      long block = at + (long) (i / blockValues) * blockBytes();
      float value = blocks.get(JAVA_FLOAT_UNALIGNED, block) * blocks.get(JAVA_BYTE, block + Float.BYTES + i % blockValues);
      floats.set(JAVA_FLOAT_UNALIGNED, to + 4L * i, value);
    }
  }

  @Override
  public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
    for (int first = 0; first < count; first += blockValues, at += blockBytes()) {
      float largest = 0;
      for (int i = first; i < Math.min(count, first + blockValues); i++) {
        largest = Math.max(largest, Math.abs(floats.get(JAVA_FLOAT_UNALIGNED, from + 4L * i)));
      }
      float scale = largest == 0 ? 1 : largest / 127;
      blocks.set(JAVA_FLOAT_UNALIGNED, at, scale);
      for (int i = 0; i < blockValues; i++) {
        int value = first + i < count ? Math.round(floats.get(JAVA_FLOAT_UNALIGNED, from + 4L * (first + i)) / scale) : 0;
        blocks.set(JAVA_BYTE, at + Float.BYTES + i, (byte) value);
      }
    }
  }
}
