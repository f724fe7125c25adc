package io.github.lora4j.tornado;

import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Set;

/**
 * Block formats on a device, which has three ways of reading them for all: a byte times the scale of 16 values, the same plus an offset, and what a
 * nibble stands for times the scale of 32 values plus an offset. The host takes blocks apart so that scales, of which some formats have several
 * in one, are floats there: 10 bits a value, 12, and 6.
 */
final class Blocks {

  private static final int BYTES_SHARE = 16;
  private static final int NIBBLES_SHARE = 32;
  private static final Set<WeightFormat> BYTES = Set.of(GgufFormat.Q8_0, GgufFormat.Q6_K, GgufFormat.Q5_0, GgufFormat.Q3_K);
  private static final Set<WeightFormat> PAIRS = Set.of(GgufFormat.Q5_1, GgufFormat.Q5_K, GgufFormat.Q2_K);
  /** Levels of what has an offset, in bytes. */
  private static final int LEVELS = 32;
  private static final Set<WeightFormat> NIBBLES = Set.of(GgufFormat.Q4_0, GgufFormat.Q4_1, GgufFormat.Q4_K, GgufFormat.IQ4_NL);
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private Blocks() {}

  /** The format, if a device reads it. */
  static WeightFormat readable(Value matrix, WeightFormat format) {
    if (where(format) == Moves.IN_MEMORY) {
      throw new BackendException(("a GPU reads weights as f32, f16, bf16, q8_0, q5_0, q5_1, q4_0, q4_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, and "
          + "nf4 or fp4 of F32; %s is %s. Choose one of these, or backend: cpu").formatted(matrix.name(),
          format instanceof FourBit ? format : format.name()));
    }
    if (!(format instanceof Elements) && matrix.shape().cols() % NIBBLES_SHARE != 0) {
      throw new BackendException("a GPU reads %s in rows that are multiples of %d values; %s has %d. Choose another format, or backend: cpu"
          .formatted(format.name(), NIBBLES_SHARE, matrix.name(), matrix.shape().cols()));
    }
    return format;
  }

  /** Where such weights lie; in memory is what none does. */
  static int where(WeightFormat format) {
    if (format instanceof Elements elements) {
      return elements.type() == DType.F32 ? Moves.IN_WEIGHTS : elements.type() == DType.F64 ? Moves.IN_MEMORY : Moves.IN_HALVES;
    } else if (BYTES.contains(format)) {
      return Moves.IN_BYTES;
    } else if (PAIRS.contains(format)) {
      return Moves.IN_PAIRS;
    }
    boolean rounded = !(format instanceof FourBit four) || four.dtype() != DType.F32 || four.shared() % NIBBLES_SHARE != 0;
    return NIBBLES.contains(format) || !rounded ? Moves.IN_NIBBLES : Moves.IN_MEMORY;
  }

  /** What each nibble stands for, and what each byte that has an offset. */
  static float[] codes(WeightFormat format) {
    if (format instanceof FourBit four) {
      return four.map();
    }
    if (format == GgufFormat.IQ4_NL) {
      return levels();
    }
    float[] codes = new float[PAIRS.contains(format) ? LEVELS : 16];
    for (int n = 0; n < codes.length; n++) {
      codes[n] = format == GgufFormat.Q4_0 ? n - 8 : n;
    }
    return codes;
  }

  /** What IQ4_NL's nibbles stand for: a block of scale 1 says it. */
  private static float[] levels() {
    MemorySegment block = MemorySegment.ofArray(new byte[GgufFormat.IQ4_NL.blockBytes()]);
    block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(1));
    for (int n = 0; n < 16; n++) {
      block.set(BYTE, Short.BYTES + n, (byte) n);
    }
    float[] values = new float[GgufFormat.IQ4_NL.blockValues()];
    GgufFormat.IQ4_NL.decode(block, 0, MemorySegment.ofArray(values), 0, values.length);
    return Arrays.copyOf(values, 16);
  }

  /** Takes the rows of a matrix apart. */
  static void write(WeightFormat format, int rows, int cols, MemorySegment blocks, Arenas.Bank bank, Layout.Weight to) {
    float[] values = new float[cols];
    float[] codes = codes(format);
    long rowBytes = WeightFormats.rowBytes(format, cols);
    for (int i = 0; i < rows; i++) {
      format.decode(blocks, i * rowBytes, MemorySegment.ofArray(values), 0, cols);
      long at = to.at() + (long) i * cols;
      if (to.where() == Moves.IN_BYTES) {
        bytes(format, blocks, i * rowBytes, values, bank, at);
      } else if (to.where() == Moves.IN_PAIRS) {
        pairs(format, blocks, i * rowBytes, values, codes, bank, at);
      } else {
        nibbles(format, blocks, i * rowBytes, values, codes, bank, at);
      }
    }
  }

  private static void bytes(WeightFormat format, MemorySegment blocks, long row, float[] values, Arenas.Bank bank, long at) {
    for (int j = 0; j < values.length; j += BYTES_SHARE) {
      long block = row + (long) (j / format.blockValues()) * format.blockBytes();
      int of = j % 256 / BYTES_SHARE;
      float scale = format == GgufFormat.Q6_K ? half(blocks, block + 208) * blocks.get(BYTE, block + 192 + of)
          : format == GgufFormat.Q3_K ? half(blocks, block + 108) * (sixBits(blocks, block + 96, of) - 32) : half(blocks, block);
      bank.weightsBytes().set(FLOAT, (at + j) / BYTES_SHARE * Float.BYTES, scale);
      for (int i = j; i < j + BYTES_SHARE; i++) {
        // The value is the scale times a whole number, rounded.
        bank.tableBytes().set(BYTE, at + i, scale == 0 ? 0 : (byte) Math.round(values[i] / scale));
      }
    }
  }

  private static void pairs(WeightFormat format, MemorySegment blocks, long row, float[] values, float[] codes, Arenas.Bank bank, long at) {
    for (int j = 0; j < values.length; j += BYTES_SHARE) {
      long block = row + (long) (j / format.blockValues()) * format.blockBytes();
      int both = format == GgufFormat.Q2_K ? blocks.get(BYTE, block + j % 256 / BYTES_SHARE) & 255 : 0;
      float scale = format == GgufFormat.Q2_K ? half(blocks, block + 80) * (both & 15)
          : format == GgufFormat.Q5_K ? half(blocks, block) * SixBits.scale(blocks, block + 4, j % 256 / 32) : half(blocks, block);
      float offset = format == GgufFormat.Q2_K ? -half(blocks, block + 82) * (both >> 4)
          : format == GgufFormat.Q5_K ? -half(blocks, block + 2) * SixBits.minimum(blocks, block + 4, j % 256 / 32) : half(blocks, block + 2);
      long scales = (at + j) / BYTES_SHARE * 2 * Float.BYTES;
      bank.weightsBytes().set(FLOAT, scales, scale);
      bank.weightsBytes().set(FLOAT, scales + Float.BYTES, offset);
      for (int i = j; i < j + BYTES_SHARE; i++) {
        bank.tableBytes().set(BYTE, at + i, (byte) code(values[i], scale, offset, codes));
      }
    }
  }

  private static void nibbles(WeightFormat format, MemorySegment blocks, long row, float[] values, float[] codes, Arenas.Bank bank, long at) {
    for (int j = 0; j < values.length; j += NIBBLES_SHARE) {
      long block = row + (long) (j / format.blockValues()) * format.blockBytes();
      float scale = scale(format, blocks, block, j % format.blockValues());
      float offset = format == GgufFormat.Q4_K ? -half(blocks, block + 2) * SixBits.minimum(blocks, block + 4, j % 256 / 32)
          : format == GgufFormat.Q4_1 ? half(blocks, block + 2) : 0;
      long scales = (at + j) / NIBBLES_SHARE * 2 * Float.BYTES;
      bank.weightsBytes().set(FLOAT, scales, scale);
      bank.weightsBytes().set(FLOAT, scales + Float.BYTES, offset);
      for (int i = j; i < j + NIBBLES_SHARE; i += 2) {
        int both = code(values[i], scale, offset, codes) | code(values[i + 1], scale, offset, codes) << 4;
        bank.tableBytes().set(BYTE, (at + i) / 2, (byte) both);
      }
    }
  }

  private static float scale(WeightFormat format, MemorySegment blocks, long block, int i) {
    return format instanceof FourBit four ? four.absmax(blocks, block, i)
        : format == GgufFormat.Q4_K ? half(blocks, block) * SixBits.scale(blocks, block + 4, i / 32) : half(blocks, block);
  }

  /** The first code that gives a value. */
  private static int code(float value, float scale, float offset, float[] codes) {
    for (int n = 0; n < codes.length; n++) {
      if (scale * codes[n] + offset == value) {
        return n;
      }
    }
    throw new IllegalStateException("no code gives %s with %s and %s".formatted(value, scale, offset));
  }

  /** Six bits of Q3_K's scales: four of 16 in the nibbles of eight bytes, two in the next four bytes. */
  private static int sixBits(MemorySegment b, long at, int j) {
    return b.get(BYTE, at + j % 8) >> j / 8 * 4 & 15 | (b.get(BYTE, at + 8 + j % 4) >> j / 4 * 2 & 3) << 4;
  }

  private static float half(MemorySegment blocks, long at) {
    return Float.float16ToFloat(blocks.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
  }

  /** The six bits of scales and minima in twelve bytes. */
  private static final class SixBits {
    private static int u8(MemorySegment b, long at) {
      return b.get(BYTE, at) & 255;
    }

    static int scale(MemorySegment b, long at, int j) {
      return j < 4 ? u8(b, at + j) & 63 : u8(b, at + j + 4) & 15 | u8(b, at + j - 4) >> 6 << 4;
    }

    static int minimum(MemorySegment b, long at, int j) {
      return j < 4 ? u8(b, at + j + 4) & 63 : u8(b, at + j + 4) >> 4 | u8(b, at + j) >> 6 << 4;
    }
  }
}
