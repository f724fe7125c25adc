package io.github.lora4j.testkit.doors;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;

/** Weights in 8 bits, "toy8" in a recipe: blocks of 32 values are a scale in F16 and 32 bytes. The format of docs/add-a-weight-format.md. */
public final class ToyFormat implements WeightFormat {

  private static final int VALUES = 32;
  private static final int BYTES = Short.BYTES + VALUES;

  @Override
  public String name() {
    return "toy8";
  }

  @Override
  public int blockValues() {
    return VALUES;
  }

  @Override
  public int blockBytes() {
    return BYTES;
  }

  @Override
  public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
    for (int i = 0; i < count; i++) {
      long block = at + (long) (i / VALUES) * BYTES;
      float scale = Float.float16ToFloat(blocks.get(JAVA_SHORT_UNALIGNED, block));
      floats.set(JAVA_FLOAT_UNALIGNED, to + (long) i * Float.BYTES, scale * blocks.get(JAVA_BYTE, block + Short.BYTES + i % VALUES));
    }
  }

  @Override
  public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
    for (int first = 0; first < count; first += VALUES) {
      long block = at + (long) (first / VALUES) * BYTES;
      float largest = 0;
      for (int i = first; i < Math.min(count, first + VALUES); i++) {
        largest = Math.max(largest, Math.abs(floats.get(JAVA_FLOAT_UNALIGNED, from + (long) i * Float.BYTES)));
      }
      short stored = Float.floatToFloat16(largest / Byte.MAX_VALUE);
      // What is divided by is what decode multiplies with. It may be a little small, hence the clamp.
      float scale = Float.float16ToFloat(stored);
      blocks.set(JAVA_SHORT_UNALIGNED, block, stored);
      for (int i = first; i < first + VALUES; i++) {
        float value = i < count && scale > 0 ? floats.get(JAVA_FLOAT_UNALIGNED, from + (long) i * Float.BYTES) / scale : 0;
        blocks.set(JAVA_BYTE, block + Short.BYTES + i - first, (byte) Math.clamp(Math.round(value), -Byte.MAX_VALUE, Byte.MAX_VALUE));
      }
    }
  }
}
