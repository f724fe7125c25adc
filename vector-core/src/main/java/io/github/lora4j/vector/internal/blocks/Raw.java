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

  /** Four blocks of 20 bytes, five words: nibbles of the first three, and both halves of each. */
  static final VectorShuffle<Integer> NIBBLES_20 = ints(i -> Math.min(COUNT - 1, i / 4 * 5 + 1 + i % 4));
  static final VectorShuffle<Integer> HALVES_20 = ints(i -> i / 4 * 5);

  // Four blocks of 22 bytes, eleven half words, the first two of vector A, the others of B, which begins with word 12; a half in the upper part.
  static final VectorShuffle<Short> NIBBLES_22_A = shorts(i -> i / 8 * 11 + 3 + i % 8 & 2 * COUNT - 1);
  static final VectorShuffle<Short> NIBBLES_22_B = shorts(i -> i / 8 * 11 - 12 + 3 + i % 8 & 2 * COUNT - 1);
  static final VectorShuffle<Short> FIFTHS_22_A = shorts(i -> i / 8 * 11 + 1 + i % 2 & 2 * COUNT - 1);
  static final VectorShuffle<Short> FIFTHS_22_B = shorts(i -> i / 8 * 11 - 12 + 1 + i % 2 & 2 * COUNT - 1);
  static final VectorShuffle<Short> HALVES_22_A = shorts(i -> i / 8 * 11 & 2 * COUNT - 1);
  static final VectorShuffle<Short> HALVES_22_B = shorts(i -> i / 8 * 11 - 12 & 2 * COUNT - 1);
  // Four blocks of 24 bytes, six words, the same; B begins with word 8.
  static final VectorShuffle<Integer> NIBBLES_24_A = ints(i -> i / 4 * 6 + 2 + i % 4 & COUNT - 1);
  static final VectorShuffle<Integer> NIBBLES_24_B = ints(i -> i / 4 * 6 - 8 + 2 + i % 4 & COUNT - 1);
  static final VectorShuffle<Integer> FIFTHS_24_A = ints(i -> i / 4 * 6 + 1 & COUNT - 1);
  static final VectorShuffle<Integer> FIFTHS_24_B = ints(i -> i / 4 * 6 - 8 + 1 & COUNT - 1);
  static final VectorShuffle<Integer> HALVES_24_A = ints(i -> i / 4 * 6 & COUNT - 1);
  static final VectorShuffle<Integer> HALVES_24_B = ints(i -> i / 4 * 6 - 8 & COUNT - 1);
  /** Where the fifth bits of a lane's low nibbles begin in those of its block; those of high nibbles lie 16 further. */
  static final int[] FIFTH_SHIFT = lanes(i -> i % 4 * 4);
  /** Times four bits: each is bit 4 of a byte. */
  static final int FOUR_BITS_TO_BYTES = 0x02040810;

  // Q4_K and Q5_K: of the first sixteen bytes those that have the low bits of scale or minimum i, and those that have the upper two of some.
  static final VectorShuffle<Integer> K_LOW = ints(i -> i < 4 ? i + 4 : i < 8 ? i + 8 : i);
  static final VectorShuffle<Integer> K_HIGH = ints(i -> i < 8 ? i : i - 4);
  static final int[] K_LOW_SHIFT = lanes(i -> i < 12 ? 0 : 4);
  static final int[] K_LOW_MASK = lanes(i -> i % 8 < 4 ? 63 : 15);
  static final int[] K_HIGH_MASK = lanes(i -> i % 8 < 4 ? 0 : 0xC0);
  /** Brings one of two halves of a word to the upper part: d for the scales, m for the minima. */
  static final int[] K_HALF_SHIFT = lanes(i -> i < 8 ? 16 : 0);
  /** Scales of low and of high nibbles in the first half of a block, and what makes those of the second half the first. */
  static final VectorShuffle<Float> K_LOWS = floats(i -> i / 8 * 2);
  static final VectorShuffle<Float> K_HIGHS = floats(i -> i / 8 * 2 + 1);
  static final VectorShuffle<Float> NEXT_FOUR = floats(i -> i + 4 & COUNT - 1);

  // Q6_K: the bytes with pairs of bits of the first half of a block, twice; where pairs of its first and second quarter begin; scales.
  static final VectorShuffle<Integer> EIGHT_TWICE = ints(i -> i % 8);
  static final int[] PAIR_SHIFT = lanes(i -> i / 8 * 2);
  static final VectorShuffle<Float> FOURS = floats(i -> i / 4);
  static final VectorShuffle<Float> NEXT_FOURS = floats(i -> i / 4 + 4);
  /** What makes the second half the first. */
  static final VectorShuffle<Float> OTHER_FLOATS = floats(i -> i + 8 & COUNT - 1);
  static final VectorShuffle<Integer> OTHER_INTS = ints(i -> i + 8 & COUNT - 1);

  private static final IntVector[] EVERY_FOURTH = new IntVector[4];

  static {
    for (int b = 0; b < 4; b++) {
      int first = b;
      EVERY_FOURTH[b] = IntVector.fromArray(INTS, lanes(i -> 4 * i + first & 2 * COUNT - 1), 0);
    }
  }

  private Raw() {}

  private static VectorShuffle<Short> shorts(IntUnaryOperator source) {
    return VectorShuffle.fromOp(SHORTS, source);
  }

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
    FloatVector two = Lane.load(prepared, at).add(Lane.load(prepared, at + 64));
    return two.add(Lane.load(prepared, at + 128).add(Lane.load(prepared, at + 192))).mul(factor);
  }

  /** Values of a step of blocks of 32: one nibble of each lane. */
  static final int STEP = 128;

  static int steps(int k) {
    return (k + STEP - 1) / STEP;
  }

  /** Whether rows of {@code k} values are whole blocks of {@code values}, and at least a step. */
  static boolean wholeSteps(int k, int values) {
    return k % values == 0 && k >= STEP;
  }

  /**
   * What meets four blocks of 32 values, or two of 64: four vectors for low nibbles and four for high ones, times {@code levels}; with nine vectors,
   * what is added because values were taken to be larger: their sum times {@code less}; with ten, the sum of what they were made of too. The last
   * step goes back to be a whole one, with 0 for what it meets a second time.
   */
  record Prepared(int vectors, float levels, float less) {

    int floats(int k) {
      return steps(k) * vectors * COUNT;
    }

    void fill(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
      for (int i = 0; i < steps(k); i++) {
        int first = Math.min(i * STEP, k - STEP);
        long target = to + (long) i * vectors * 64;
        spread(x, at + first * 4L, 32, 64, levels, prepared, target);
        spread(x, at + first * 4L + 64, 32, 64, levels, prepared, target + 256);
        clear(prepared, target, (i * STEP - first) / 8);
        if (vectors > 8) {
          FloatVector sum = Raw.less(prepared, target, 1).add(Raw.less(prepared, target + 256, 1));
          Lane.store(sum.mul(less), prepared, target + 512);
          if (vectors > 9) {
            Lane.store(sum.mul(1 / levels), prepared, target + 576);
          }
        }
      }
    }

    /** Sets to 0 what lies below lane {@code lane} of eight vectors. */
    private static void clear(MemorySegment prepared, long at, int lane) {
      if (lane > 0) {
        VectorMask<Float> mask = VectorMask.fromLong(FLOATS, (1L << lane) - 1);
        for (int i = 0; i < 8; i++) {
          Lane.store(Lane.load(prepared, at + i * 64L).blend(0f, mask), prepared, at + i * 64L);
        }
      }
    }
  }
}
