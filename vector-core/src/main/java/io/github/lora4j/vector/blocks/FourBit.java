package io.github.lora4j.vector.blocks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * The four-bit weights of bitsandbytes: values are {@code round(map[n] · absmax)}, n a nibble, map sixteen numbers, absmax the largest magnitude of so
 * many values, and rounding is to the type that the weight had before. With double quantisation absmax is {@code nestedMap[u8] · nested + offset}.
 *
 * <p>bitsandbytes counts blocks through a whole tensor and keeps nibbles and scales apart; here each block has both, and rows start one.
 * {@link #assemble} brings the one to the other without changing a value: where a block of bitsandbytes ends within a row that is no multiple of it,
 * blocks are as small as the greatest common divisor and say the same absmax again. Blocks are
 *
 * <ul>
 * <li>single: absmax in F32 and the nibbles, 4.5 bits a value in blocks of 64;
 * <li>nested: the F32 by which several absmax are scaled, these as bytes, and their nibbles, up to 256 values: 4.25 bits a value in blocks of 64.
 * </ul>
 *
 * <p>The nibbles of each 32 values, or of what the last of them are, hold the first half of them low and the second half high.
 */
public final class FourBit implements WeightFormat {

  /** Most values of a block. */
  private static final int MOST = 256;
  private static final int CHUNK = 32;

  /** NF4 in blocks of 64 values with an F32 each: {@code weights: nf4} of recipes. */
  public static final FourBit NF4 = new FourBit("nf4", Codes.nf4(), 64, 64, DType.F32, new Nested(0, new float[0], 0));
  /** The same for FP4. */
  public static final FourBit FP4 = new FourBit("fp4", Codes.fp4(), 64, 64, DType.F32, new Nested(0, new float[0], 0));

  /**
   * How absmax is stored when it is quantised too.
   *
   * @param blockSize absmax that one F32 scales
   * @param map the value of each byte
   */
  public record Nested(int blockSize, float[] map, float offset) {
    private boolean absent() {
      return map.length == 0;
    }
  }

  private final String name;
  private final float[] map;
  /** Values that share an absmax, and values of a block. */
  private final int shared;
  private final int blockValues;
  private final DType dtype;
  private final Nested nested;
  /** Codes by ascending value, and where one ends and the next begins. */
  private final int[] order;
  private final float[] middles;
  private final float[] nestedMiddles;
  /** Kept, for formats are looked up while a program runs. */
  private final int hash;

  private FourBit(String name, float[] map, int shared, int blockValues, DType dtype, Nested nested) {
    this.name = name;
    this.map = map.clone();
    this.shared = shared;
    this.blockValues = blockValues;
    this.dtype = dtype;
    this.nested = nested;
    order = Codes.order(map);
    float[] levels = new float[map.length];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = map[order[i]];
    }
    middles = Codes.middles(levels);
    hash = Objects.hash(name, shared, blockValues, dtype, nested.offset);
    nestedMiddles = nested.absent() ? nested.map : Codes.middles(nested.map);
  }

  /**
   * The format of a tensor with one F32 for each block of bitsandbytes.
   *
   * @param name "nf4" or "fp4"
   * @param map the file's {@code quant_map}, 16 values
   * @param blockSize values that share an absmax
   * @param cols columns of the matrix
   * @param dtype what values are rounded to: F32, BF16 or F16
   */
  public static FourBit single(String name, float[] map, int blockSize, int cols, DType dtype) {
    int shared = shared(name, map, blockSize, cols, dtype);
    return new FourBit(name, map, shared, shared, dtype, NF4.nested);
  }

  /** The format of a tensor whose absmax are quantised: 256 values that a byte stands for, times an F32 for so many of them, plus an offset. */
  public static FourBit nested(String name, float[] map, int blockSize, int cols, DType dtype, Nested nested) {
    int shared = shared(name, map, blockSize, cols, dtype);
    if (nested.map.length != 256 || nested.blockSize < 1) {
      throw new ConfigException("%s: a nested map has 256 values and blocks of at least 1, got %d and %d"
          .formatted(name, nested.map.length, nested.blockSize));
    }
    // Whole blocks that one F32 scales, in every row.
    int most = Codes.gcd(cols, (long) blockSize * nested.blockSize);
    int values = shared;
    for (int count = MOST / shared; count > 1 && values == shared; count--) {
      values = most % (count * shared) == 0 ? count * shared : shared;
    }
    return new FourBit(name, map, shared, values, dtype, nested);
  }

  private static int shared(String name, float[] map, int blockSize, int cols, DType dtype) {
    if (map.length != 16 || blockSize < 1 || cols < 1 || dtype != DType.F32 && dtype != DType.BF16 && dtype != DType.F16) {
      throw new ConfigException("%s: a map has 16 values, blocks and columns are at least 1, values F32, BF16 or F16; got %d, %d, %d and %s"
          .formatted(name, map.length, blockSize, cols, dtype));
    }
    int shared = Codes.gcd(cols, blockSize);
    return shared > MOST ? Codes.gcd(shared, MOST) : shared;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int blockValues() {
    return blockValues;
  }

  @Override
  public int blockBytes() {
    return nibblesAt() + (blockValues + 1) / 2;
  }

  /** The value of each nibble before it is scaled. */
  public float[] map() {
    return map.clone();
  }

  /** Values that share an absmax. */
  public int shared() {
    return shared;
  }

  /** What values are rounded to. */
  public DType dtype() {
    return dtype;
  }

  /** Whether absmax are bytes. */
  public boolean nested() {
    return !nested.absent();
  }

  /** How bytes become absmax; empty where they are F32. */
  public Nested nesting() {
    return nested;
  }

  /** Where the nibbles of a block begin. */
  public int nibblesAt() {
    return Float.BYTES + (nested() ? blockValues / shared : 0);
  }

  /** The absmax of value {@code i} of the block that begins at {@code at}. */
  public float absmax(MemorySegment blocks, long at, int i) {
    float scale = blocks.get(JAVA_FLOAT_UNALIGNED, at);
    return nested() ? nested.map[Bits.u8(blocks, at + Float.BYTES + i / shared)] * scale + nested.offset : scale;
  }

  private float rounded(float value) {
    if (dtype == DType.F32) {
      return value;
    }
    return dtype == DType.BF16 ? DType.bf16ToFloat(DType.floatToBf16(value)) : Float.float16ToFloat(Float.floatToFloat16(value));
  }

  @Override
  public void decode(MemorySegment blocks, long at, MemorySegment floats, long to, int count) {
    for (int i = 0; i < count; i++) {
      long block = at + (long) (i / blockValues) * blockBytes();
      int in = i % blockValues;
      float value = rounded(map[nibble(blocks, block, in)] * absmax(blocks, block, in));
      floats.set(JAVA_FLOAT_UNALIGNED, to + (long) i * Float.BYTES, value);
    }
  }

  /** The nibble whose value is nearest to one of at most 1. */
  int code(float value) {
    return order[Codes.nearest(middles, Math.clamp(value, -1f, 1f))];
  }

  private int nibble(MemorySegment blocks, long block, int i) {
    int chunk = i / CHUNK * CHUNK;
    int half = (Math.min(CHUNK, blockValues - chunk) + 1) / 2;
    return Bits.nibble(blocks, block + nibblesAt() + chunk / 2, half, i - chunk);
  }

  private void setNibble(MemorySegment blocks, long block, int i, int n) {
    int chunk = i / CHUNK * CHUNK;
    int half = (Math.min(CHUNK, blockValues - chunk) + 1) / 2;
    long at = block + nibblesAt() + chunk / 2 + (i - chunk) % half;
    int old = Bits.u8(blocks, at);
    Bits.u8(blocks, at, i - chunk < half ? old & 0xF0 | n : old & 15 | n << 4);
  }

  @Override
  public void encode(MemorySegment floats, long from, MemorySegment blocks, long at, int count) {
    for (int first = 0; first < count; first += blockValues) {
      long block = at + (long) (first / blockValues) * blockBytes();
      block(floats, from + (long) first * Float.BYTES, Math.min(blockValues, count - first), blocks, block);
    }
  }

  private void block(MemorySegment floats, long from, int count, MemorySegment blocks, long at) {
    float[] largest = new float[blockValues / shared];
    for (int i = 0; i < count; i++) {
      largest[i / shared] = Math.max(largest[i / shared], Math.abs(floats.get(JAVA_FLOAT_UNALIGNED, from + (long) i * Float.BYTES)));
    }
    if (nested()) {
      float most = 0;
      for (float absmax : largest) {
        most = Math.max(most, Math.abs(absmax - nested.offset));
      }
      blocks.set(JAVA_FLOAT_UNALIGNED, at, most);
      for (int j = 0; j < largest.length; j++) {
        Bits.u8(blocks, at + Float.BYTES + j, Codes.nearest(nestedMiddles, most == 0 ? 0 : (largest[j] - nested.offset) / most));
      }
    } else {
      blocks.set(JAVA_FLOAT_UNALIGNED, at, largest[0]);
    }
    for (int i = 0; i < blockValues; i++) {
      float absmax = largest[i / shared];
      float value = i < count && absmax > 0 ? floats.get(JAVA_FLOAT_UNALIGNED, from + (long) i * Float.BYTES) * (1 / absmax) : 0;
      setNibble(blocks, at, i, code(value));
    }
  }

  /**
   * Makes the blocks of a matrix from the tensors of a file.
   *
   * @param packed nibbles of all values, row by row, the first of two in the high one
   * @param absmax F32, or bytes with double quantisation
   * @param nestedAbsmax F32; not looked at without double quantisation
   * @param blockSize values that share an absmax in the file
   */
  public void assemble(int rows, int cols, MemorySegment packed, MemorySegment absmax, MemorySegment nestedAbsmax, int blockSize,
      MemorySegment blocks) {
    long at = 0;
    for (long k = 0; k < (long) rows * cols; k += blockValues, at += blockBytes()) {
      if (nested()) {
        blocks.set(JAVA_FLOAT_UNALIGNED, at, nestedAbsmax.get(JAVA_FLOAT_UNALIGNED, k / blockSize / nested.blockSize * Float.BYTES));
        for (int j = 0; j < blockValues / shared; j++) {
          blocks.set(JAVA_BYTE, at + Float.BYTES + j, absmax.get(JAVA_BYTE, (k + (long) j * shared) / blockSize));
        }
      } else {
        blocks.set(JAVA_FLOAT_UNALIGNED, at, absmax.get(JAVA_FLOAT_UNALIGNED, k / blockSize * Float.BYTES));
      }
      for (int i = 0; i < blockValues; i++) {
        int both = Bits.u8(packed, (k + i) / 2);
        setNibble(blocks, at, i, (k + i) % 2 == 0 ? both >> 4 : both & 15);
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FourBit o && name.equals(o.name) && shared == o.shared && blockValues == o.blockValues && dtype == o.dtype
        && Arrays.equals(map, o.map) && nested.blockSize == o.nested.blockSize && nested.offset == o.nested.offset
        && Arrays.equals(nested.map, o.nested.map);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public String toString() {
    return "%s, blocks of %d%s as %s".formatted(name, shared, nested() ? " with nested scales" : "", dtype);
  }
}
