package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.COUNT;
import static io.github.lora4j.vector.internal.blocks.Lane.FLOATS;
import static io.github.lora4j.vector.internal.blocks.Lane.INTS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks as they lie, four bytes in each of sixteen lanes: what the products of whole rows need. A lane's nibbles are shifted to where a table or a
 * mantissa takes them, so there are few instructions for a value; values come in the order of {@link #spread}.
 */
final class Raw {

  /**
   * All of memory. A product checks once what it reads ({@link #address}) and then reads here: a check for each access, or bounds for each loop, take
   * longer than the product.
   */
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  /** By AND with this an address is known to the compiler to lie within {@link #ALL}, a vector behind it too; no address has more bits. */
  static final long ADDRESSES = (1L << 62) - 1;

  static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, FLOATS.vectorShape());
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** A half in the upper part of a lane, shifted by three with its sign: sign, exponent and mantissa of a float 2^112 too small. */
  static final int HALF_BITS = 0x8FFFE000;
  static final float HALF_SCALE = 0x1p112f;

  /** Lanes 8 to 15, and 12 to 15. */
  static final VectorMask<Integer> UPPER = VectorMask.fromLong(INTS, 0xFF00);
  static final VectorMask<Integer> LAST_FOUR = VectorMask.fromLong(INTS, 0xF000);

  /** Four blocks of 18 bytes: nibbles of the first three, and the scale of each in four lanes. */
  static final VectorShuffle<Short> NIBBLES_18 = VectorShuffle.fromOp(SHORTS, i -> Math.min(2 * COUNT - 1, i / 8 * 9 + 1 + i % 8));
  static final VectorShuffle<Short> HALVES_18 = VectorShuffle.fromOp(SHORTS, i -> i / 8 * 9);
  /** Two blocks of 36 bytes: the scale of each in eight lanes. */
  static final VectorShuffle<Float> FLOATS_36 = VectorShuffle.fromOp(FLOATS, i -> i / 8 * 9);

  // Q4_K and Q5_K: of the first sixteen bytes those that have the low bits of scale or minimum i, and those that have the upper two of some.
  static final VectorShuffle<Integer> K_LOW = ints(i -> i < 4 ? i + 4 : i < 8 ? i + 8 : i);
  static final VectorShuffle<Integer> K_HIGH = ints(i -> i < 8 ? i : i - 4);
  static final int[] K_LOW_SHIFT = lanes(i -> i < 12 ? 0 : 4);
  static final int[] K_LOW_MASK = lanes(i -> i % 8 < 4 ? 63 : 15);
  static final int[] K_HIGH_MASK = lanes(i -> i % 8 < 4 ? 0 : 0xC0);
  /** Brings one of two halves of a word to the upper part: d for the scales, m for the minima. */
  static final int[] K_HALF_SHIFT = lanes(i -> i < 8 ? 16 : 0);
  /** Scales of low or high nibbles in one or the other half of a block. */
  static final VectorShuffle<Float> K_00 = floats(i -> i / 8 * 2);
  static final VectorShuffle<Float> K_01 = floats(i -> i / 8 * 2 + 1);
  static final VectorShuffle<Float> K_10 = floats(i -> i / 8 * 2 + 4);
  static final VectorShuffle<Float> K_11 = floats(i -> i / 8 * 2 + 5);

  // Q6_K: the bytes with pairs of bits of one half of a block, twice; where pairs of its first and second quarter begin; scales.
  static final VectorShuffle<Integer> HALF_0 = ints(i -> i % 8);
  static final VectorShuffle<Integer> HALF_1 = ints(i -> i % 8 + 8);
  static final int[] PAIR_SHIFT = lanes(i -> i / 8 * 2);
  static final VectorShuffle<Float> K6_00 = floats(i -> i / 4);
  static final VectorShuffle<Float> K6_01 = floats(i -> i / 4 + 4);
  static final VectorShuffle<Float> K6_10 = floats(i -> i / 4 + 8);
  static final VectorShuffle<Float> K6_11 = floats(i -> i / 4 + 12);

  private static final IntVector[] EVERY_FOURTH = new IntVector[4];

  static {
    for (int b = 0; b < 4; b++) {
      int first = b;
      EVERY_FOURTH[b] = IntVector.fromArray(INTS, lanes(i -> 4 * i + first & 2 * COUNT - 1), 0);
    }
  }

  private Raw() {}

  private static VectorShuffle<Integer> ints(IntUnaryOperator source) {
    return VectorShuffle.fromOp(INTS, source);
  }

  private static VectorShuffle<Float> floats(IntUnaryOperator source) {
    return VectorShuffle.fromOp(FLOATS, source);
  }

  private static int[] lanes(IntUnaryOperator value) {
    int[] lanes = new int[COUNT];
    Arrays.setAll(lanes, value);
    return lanes;
  }

  /** The address of bytes of native memory that is alive and has as many. */
  static long address(MemorySegment segment, long at, long bytes) {
    Objects.checkFromIndexSize(at, bytes, segment.byteSize());
    if (!segment.isNative() || !segment.scope().isAlive()) {
      throw new IllegalStateException("rows of blocks and what is prepared for them lie in native memory that has not been released");
    }
    return segment.address() + at;
  }

  /**
   * 64 floats in the order in which bytes lie in lanes: of four vectors, the one of number b has floats 4i + b.
   *
   * @param at where sixteen of them are, then sixteen times three more: {@code distance} floats behind the first, {@code second} behind the first and
   *     {@code distance} behind that
   */
  static void spread(MemorySegment x, long at, int distance, int second, float factor, MemorySegment prepared, long to) {
    IntVector one = Lane.load(x, at).mul(factor).reinterpretAsInts();
    IntVector two = Lane.load(x, at + distance * 4L).mul(factor).reinterpretAsInts();
    IntVector three = Lane.load(x, at + second * 4L).mul(factor).reinterpretAsInts();
    IntVector four = Lane.load(x, at + (second + distance) * 4L).mul(factor).reinterpretAsInts();
    for (int b = 0; b < 4; b++) {
      IntVector every = EVERY_FOURTH[b];
      IntVector low = every.selectFrom(one, two);
      Lane.store(low.blend(every.selectFrom(three, four), UPPER).reinterpretAsFloats(), prepared, to + b * 64L);
    }
  }

  /** The address of four runs of rows. */
  static long blocks(MemorySegment w, long row, long stride, int count, long rowBytes) {
    return address(w, row, (RowDecoder.ABREAST - 1) * stride + count * rowBytes);
  }

  /** The sum of four prepared vectors, lane by lane, times a factor: what is added where values were taken to be larger than they are. */
  static FloatVector less(MemorySegment prepared, long at, float factor) {
    return Lane.load(prepared, at).add(Lane.load(prepared, at + 64)).add(Lane.load(prepared, at + 128).add(Lane.load(prepared, at + 192))).mul(factor);
  }

  /** Sets to 0 what lies below lane {@code lane} of some prepared vectors. */
  static void clear(MemorySegment prepared, long at, int vectors, int lane) {
    VectorMask<Float> mask = VectorMask.fromLong(FLOATS, (1L << lane) - 1);
    for (int i = 0; i < vectors; i++) {
      Lane.store(Lane.load(prepared, at + i * 64L).blend(0f, mask), prepared, at + i * 64L);
    }
  }
}
