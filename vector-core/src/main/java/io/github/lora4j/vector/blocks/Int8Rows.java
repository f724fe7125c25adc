package io.github.lora4j.vector.blocks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;

/**
 * The 8-bit weights of bitsandbytes' LLM.int8: values are {@code n · absmax · (1/127)}, absmax that of a row. A row is cut in blocks of an F32 and a
 * byte a value, which say the same absmax again; encoding finds one for each block, which is finer.
 *
 * @param blockValues at least 1
 */
public record Int8Rows(int blockValues) implements WeightFormat {

  /** {@code weights: int8} of recipes. */
  public static final Int8Rows INT8 = new Int8Rows(64);

  private static final float PER_127 = 0.00787401574803149f;
  private static final int WIDEST = 256;

  /** Checks the size. */
  public Int8Rows {
    if (blockValues < 1) {
      throw new ConfigException("blocks of int8 have at least 1 value, got " + blockValues);
    }
  }

  /** The format of a tensor of a file: wide blocks, where that fills no row with zeros. */
  public static Int8Rows of(int cols) {
    return cols % WIDEST == 0 ? new Int8Rows(WIDEST) : INT8;
  }

  @Override
  public String name() {
    return "int8";
  }

  @Override
  public int blockBytes() {
    return Float.BYTES + blockValues;
  }

  @Override
  public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
    for (int i = 0; i < count; i++) {
      long block = at + (long) (i / blockValues) * blockBytes();
      float value = blocks.get(JAVA_BYTE, block + Float.BYTES + i % blockValues) * blocks.get(JAVA_FLOAT_UNALIGNED, block) * PER_127;
      floats.set(JAVA_FLOAT_UNALIGNED, to + (long) i * Float.BYTES, value);
    }
  }

  @Override
  public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
    for (int first = 0; first < count; first += blockValues) {
      long block = at + (long) (first / blockValues) * blockBytes();
      float absmax = 0;
      for (int i = first; i < Math.min(count, first + blockValues); i++) {
        absmax = Math.max(absmax, Math.abs(floats.get(JAVA_FLOAT_UNALIGNED, from + (long) i * Float.BYTES)));
      }
      blocks.set(JAVA_FLOAT_UNALIGNED, block, absmax);
      float scale = absmax == 0 ? 0 : Byte.MAX_VALUE / absmax;
      for (int i = first; i < first + blockValues; i++) {
        float value = i < count ? floats.get(JAVA_FLOAT_UNALIGNED, from + (long) i * Float.BYTES) * scale : 0;
        blocks.set(JAVA_BYTE, block + Float.BYTES + i - first, (byte) Math.rint(value));
      }
    }
  }

  /**
   * Makes the blocks of a matrix from the tensors of a file.
   *
   * @param quantised a byte a value, row by row
   * @param absmax F32 a row, {@code SCB}
   */
  public void assemble(int rows, int cols, MemorySegment quantised, MemorySegment absmax, MemorySegment blocks) {
    long at = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j += blockValues, at += blockBytes()) {
        int count = Math.min(blockValues, cols - j);
        blocks.set(JAVA_FLOAT_UNALIGNED, at, absmax.get(JAVA_FLOAT_UNALIGNED, (long) i * Float.BYTES));
        MemorySegment.copy(quantised, (long) i * cols + j, blocks, at + Float.BYTES, count);
        blocks.asSlice(at + Float.BYTES + count, blockValues - count).fill((byte) 0);
      }
    }
  }
}
