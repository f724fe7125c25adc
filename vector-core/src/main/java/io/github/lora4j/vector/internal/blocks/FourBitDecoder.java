package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.BYTES;
import static io.github.lora4j.vector.internal.blocks.Lane.FLOATS;
import static io.github.lora4j.vector.internal.blocks.Lane.INTS;
import static io.github.lora4j.vector.internal.blocks.Lane.NATIVE;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** bitsandbytes' four bits: the sixteen values that share an absmax are scaled and rounded once, then nibbles choose. A group is 64 values. */
final class FourBitDecoder extends GroupDecoder {

  private static final int VALUES = 64;
  /** Values of two blocks: one nibble of each fills the lanes of a vector. */
  private static final int STEP = 128;
  private static final float HALF_NORMAL = 0x1p-14f;
  private static final float HALF_OVERFLOW = 65520;

  private final float[] map;
  private final int shared;
  private final int blockValues;
  private final int blockBytes;
  private final int nibblesAt;
  private final DType dtype;
  private final boolean nested;
  private final float[] nestedMap;
  private final float offset;

  FourBitDecoder(FourBit format) {
    super(format, VALUES);
    map = format.map();
    shared = format.shared();
    blockValues = format.blockValues();
    blockBytes = format.blockBytes();
    nibblesAt = format.nibblesAt();
    dtype = format.dtype();
    nested = format.nested();
    nestedMap = format.nesting().map();
    offset = format.nesting().offset();
  }

  private float absmax(MemorySegment blocks, long block, int i) {
    float scale = Lane.f32(blocks, block);
    return nested ? nestedMap[Lane.u8(blocks, block + 4 + i / shared)] * scale + offset : scale;
  }

  private FloatVector scaled(FloatVector table, float absmax) {
    FloatVector by = table.mul(absmax);
    return dtype == DType.F32 ? by : dtype == DType.BF16 ? bf16(by) : half(by);
  }

  /** Rounds to nearest even. */
  private static FloatVector bf16(FloatVector v) {
    IntVector bits = v.reinterpretAsInts();
    return bits.add(0x7FFF).add(Lane.shr(bits, 16).and(1)).and(0xFFFF0000).reinterpretAsFloats();
  }

  /** The same; below the normal numbers the spacing is that of floats at a half. */
  private static FloatVector half(FloatVector v) {
    IntVector bits = v.reinterpretAsInts();
    IntVector sign = bits.and(0x80000000);
    FloatVector size = v.abs();
    FloatVector normal = bits.and(0x7FFFFFFF).add(0xFFF).add(Lane.shr(bits, 13).and(1)).and(0xFFFFE000).reinterpretAsFloats();
    FloatVector small = size.add(0.5f).sub(0.5f);
    FloatVector rounded = normal.blend(small, size.compare(VectorOperators.LT, HALF_NORMAL))
        .blend(Float.POSITIVE_INFINITY, size.compare(VectorOperators.GE, HALF_OVERFLOW));
    return rounded.reinterpretAsInts().or(sign).reinterpretAsFloats();
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    if (dtype == DType.F32) {
      exact(blocks, block, first, out, to);
      return;
    }
    long nibbles = block + nibblesAt + first / 2;
    // A loop, since the compiler has room for the code of one chunk only; with two of them vectors become objects.
    for (int c = 0; c < VALUES / Lane.CHUNK; c++) {
      chunk(blocks, nibbles + c * 16L, absmax(blocks, block, first + c * Lane.CHUNK), out, to + c * 128L);
    }
  }

  /**
   * Where nothing is rounded. Flat: where a panel's code has become long, a method that is called here with vectors is not inlined, and each vector
   * becomes an object.
   */
  private void exact(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    FloatVector codes = FloatVector.fromArray(FLOATS, map, 0);
    FloatVector others = FloatVector.fromArray(FLOATS, map, Lane.WIDE ? 0 : Lane.COUNT);
    for (int c = 0; c < VALUES / Lane.CHUNK; c++) {
      float absmax = absmax(blocks, block, first + c * Lane.CHUNK);
      IntVector one = codes.mul(absmax).reinterpretAsInts();
      IntVector two = others.mul(absmax).reinterpretAsInts();
      long nibbles = block + nibblesAt + first / 2 + c * 16L;
      for (int i = 0; i < 16; i += Lane.COUNT) {
        IntVector n = (IntVector) ByteVector.fromMemorySegment(BYTES, blocks, nibbles + i, NATIVE).convertShape(ZERO_EXTEND_B2I, INTS, 0);
        IntVector m = n.lanewise(LSHR, 4);
        IntVector low = n.selectFrom(one);
        IntVector high = m.selectFrom(one);
        if (!Lane.WIDE) {
          low = low.blend(n.selectFrom(two), n.and(Lane.COUNT).compare(VectorOperators.NE, 0));
          high = high.blend(m.selectFrom(two), m.and(Lane.COUNT).compare(VectorOperators.NE, 0));
        }
        low.reinterpretAsFloats().intoMemorySegment(out, to + c * 128L + i * 4L, NATIVE);
        high.reinterpretAsFloats().intoMemorySegment(out, to + c * 128L + 64 + i * 4L, NATIVE);
      }
    }
  }

  private void chunk(MemorySegment blocks, long nibbles, float absmax, MemorySegment out, long to) {
    FloatVector low = scaled(Lane.table(map, 0), absmax);
    Lane.nibbles(blocks, nibbles, low, Lane.WIDE ? low : scaled(Lane.table(map, 1), absmax), out, to, to + 64);
  }

  @Override
  public boolean dots() {
    return shared % VALUES == 0;
  }

  @Override
  public float dot(MemorySegment blocks, long row, int count, MemorySegment x, long at) {
    return !nested && shared == VALUES && dtype == DType.F32 ? single(blocks, row, count / VALUES, x, at) : any(blocks, row, count, x, at);
  }

  private float single(MemorySegment w, long row, int blocks, MemorySegment x, long at) {
    FloatVector codes0 = Lane.table(map, 0);
    FloatVector codes1 = Lane.table(map, 1);
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    FloatVector other = sum;
    for (int b = 0; b < blocks; b++) {
      long block = row + b * 36L;
      float absmax = Lane.f32(w, block);
      FloatVector one = codes0.mul(absmax);
      FloatVector two = codes1.mul(absmax);
      sum = Lane.dot(w, block + 4, one, two, x, at + b * 256L, sum);
      other = Lane.dot(w, block + 20, one, two, x, at + b * 256L + 128, other);
    }
    return Simd.sum(sum.add(other));
  }

  private float any(MemorySegment w, long row, int count, MemorySegment x, long at) {
    FloatVector codes0 = Lane.table(map, 0);
    FloatVector codes1 = Lane.table(map, 1);
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    FloatVector other = sum;
    for (int i = 0; i < count; i += VALUES) {
      int first = i % blockValues;
      long block = row + (long) (i / blockValues) * blockBytes;
      float absmax = absmax(w, block, first);
      FloatVector one = scaled(codes0, absmax);
      FloatVector two = scaled(codes1, absmax);
      long nibbles = block + nibblesAt + first / 2;
      sum = Lane.dot(w, nibbles, one, two, x, at + i * 4L, sum);
      other = Lane.dot(w, nibbles + 16, one, two, x, at + i * 4L + 128, other);
    }
    return Simd.sum(sum.add(other));
  }

  @Override
  public int prepared(int k) {
    return Lane.WIDE && !nested && shared == VALUES && dtype == DType.F32 && k % VALUES == 0 && k >= STEP ? steps(k) * STEP : 0;
  }

  private static int steps(int k) {
    return (k + STEP - 1) / STEP;
  }

  /** For each two blocks what meets low nibbles and what meets high ones. */
  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    for (int i = 0; i < steps(k); i++) {
      int first = Math.min(i * STEP, k - STEP);
      long target = to + i * STEP * 4L;
      Raw.spread(x, at + first * 4L, 32, 64, 1, prepared, target);
      Raw.spread(x, at + first * 4L + 64, 32, 64, 1, prepared, target + 256);
      Raw.clear(prepared, target, 8, (i * STEP - first) / VALUES * 8);
    }
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    long rowBytes = k / VALUES * 36L;
    Nf4Rows.run(Raw.blocks(w, row, stride, count, rowBytes), stride, count, steps(k), rowBytes, rowBytes - 72,
        Raw.address(s, prepared, prepared(k) * 4L), sums, map);
  }
}
