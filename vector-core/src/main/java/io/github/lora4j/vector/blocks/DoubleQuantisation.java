package io.github.lora4j.vector.blocks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Four-bit weights as bitsandbytes makes them with double quantisation: blocks of 64 values are counted through a whole matrix, across its rows, and
 * their absmax, less the mean of them all, are bytes in blocks of 256 (QLoRA, arXiv:2305.14314, section 3). So a matrix is read twice: its mean belongs
 * to its {@linkplain FourBit format}, which must be known before anything is encoded.
 *
 * <p>Given the mean, every byte is bitsandbytes' own. The mean is the exact one, rounded; PyTorch adds floats, in an order that differs from machine to
 * machine, and may be a few units in the last place away.
 */
public final class DoubleQuantisation {

  /** Values that share an absmax. */
  public static final int BLOCK = 64;
  private static final int NESTED_BLOCK = 256;
  private static final float[] MAP = dynamicMap();

  private DoubleQuantisation() {}

  /** The mean of a matrix' absmax, taken from its values as they come. */
  public static final class Mean {
    private double sum;
    private long blocks;
    private float largest;
    private int seen;

    /** Takes the next values, F32. */
    public void add(MemorySegment floats) {
      for (long at = 0; at < floats.byteSize(); at += Float.BYTES) {
        largest = Math.max(largest, Math.abs(floats.get(JAVA_FLOAT_UNALIGNED, at)));
        if (++seen == BLOCK) {
          end();
        }
      }
    }

    private void end() {
      sum += largest;
      blocks++;
      largest = 0;
      seen = 0;
    }

    /** The mean; no values may come after it. */
    public float offset() {
      if (seen > 0) {
        end();
      }
      return blocks == 0 ? 0 : (float) (sum / blocks);
    }
  }

  /**
   * The format of a matrix.
   *
   * @param single {@link FourBit#NF4} or {@link FourBit#FP4}
   * @param offset see {@link Mean}
   */
  public static FourBit format(FourBit single, int cols, float offset) {
    return FourBit.nested(single.name(), single.map(), BLOCK, cols, DType.F32, new FourBit.Nested(NESTED_BLOCK, MAP, offset));
  }

  /**
   * Encodes a whole matrix.
   *
   * @param to a format with nested scales, whose offset is taken
   * @param floats rows of F32
   * @param blockSize values that share an absmax, counted through the matrix
   */
  public static void encode(FourBit to, int rows, int cols, MemorySegment floats, int blockSize, MemorySegment blocks) {
    FourBit.Nested nested = to.nesting();
    if (!to.nested() || blocks.byteSize() != rows * WeightFormats.rowBytes(to, cols)) {
      throw new ConfigException("%s: double quantisation of %d x %d needs nested scales and a target of %d bytes, got %d"
          .formatted(to, rows, cols, rows * WeightFormats.rowBytes(to, cols), blocks.byteSize()));
    }
    long elements = (long) rows * cols;
    int count = Math.toIntExact(Math.ceilDiv(elements, (long) blockSize));
    float[] absmax = new float[count];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment packed = arena.allocate(Math.ceilDiv(elements, 2L), 64);
      for (int b = 0; b < count; b++) {
        absmax[b] = block(to, floats, (long) b * blockSize, (int) Math.min(blockSize, elements - (long) b * blockSize), packed);
      }
      MemorySegment codes = arena.allocate(count, 64);
      MemorySegment scales = arena.allocate((long) Math.ceilDiv(count, nested.blockSize()) * Float.BYTES, 64);
      bytes(nested, absmax, codes, scales);
      to.assemble(rows, cols, packed, codes, scales, blockSize, blocks);
    }
  }

  private static float block(FourBit to, MemorySegment floats, long first, int count, MemorySegment packed) {
    float absmax = 0;
    for (int i = 0; i < count; i++) {
      absmax = Math.max(absmax, Math.abs(floats.get(JAVA_FLOAT_UNALIGNED, (first + i) * Float.BYTES)));
    }
    for (int i = 0; i < count; i++) {
      float value = absmax > 0 ? floats.get(JAVA_FLOAT_UNALIGNED, (first + i) * Float.BYTES) * (1 / absmax) : 0;
      long k = first + i;
      int old = k % 2 == 0 ? 0 : Bits.u8(packed, k / 2);
      Bits.u8(packed, k / 2, k % 2 == 0 ? to.code(value) << 4 : old | to.code(value));
    }
    return absmax;
  }

  /** The absmax as bytes, and what scales each {@code blockSize} of them. */
  private static void bytes(FourBit.Nested nested, float[] absmax, MemorySegment codes, MemorySegment scales) {
    float[] middles = Codes.middles(nested.map());
    for (int from = 0; from < absmax.length; from += nested.blockSize()) {
      int to = Math.min(absmax.length, from + nested.blockSize());
      float most = 0;
      for (int j = from; j < to; j++) {
        most = Math.max(most, Math.abs(absmax[j] - nested.offset()));
      }
      scales.set(JAVA_FLOAT_UNALIGNED, (long) from / nested.blockSize() * Float.BYTES, most);
      for (int j = from; j < to; j++) {
        float value = most > 0 ? Math.clamp((absmax[j] - nested.offset()) * (1 / most), -1f, 1f) : 0;
        codes.set(JAVA_BYTE, j, (byte) Codes.nearest(middles, value));
      }
    }
  }

  /** bitsandbytes' map of a byte with a sign: the middles of 2^i steps from 0.1 to 1, times 10^(i − 6), with both signs, and 0 and 1. All in F32. */
  private static float[] dynamicMap() {
    List<Float> values = new ArrayList<>(List.of(0f, 1f));
    for (int i = 0; i < 7; i++) {
      int steps = 1 << i;
      float step = (1 - 0.1f) / steps;
      for (int j = 0; j < steps; j++) {
        float value = (float) Math.pow(10, i - 6) * ((border(j, steps, step) + border(j + 1, steps, step)) / 2);
        values.add(value);
        values.add(-value);
      }
    }
    float[] map = new float[values.size()];
    for (int i = 0; i < map.length; i++) {
      map[i] = values.get(i);
    }
    Arrays.sort(map);
    return map;
  }

  /** As PyTorch divides a range: from whichever end is nearer, rounded once. */
  private static float border(int j, int steps, float step) {
    return j < (steps + 1) / 2 ? Math.fma(step, j, 0.1f) : Math.fma(-step, steps - j, 1f);
  }
}
