package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.blocks.FourBit;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** bitsandbytes' four bits: the sixteen values that share an absmax are scaled and rounded once, then nibbles choose. A group is 64 values. */
final class FourBitDecoder extends GroupDecoder {

  private static final int VALUES = 64;
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
    long nibbles = block + nibblesAt + first / 2;
    // A loop, since the compiler has room for the code of one chunk only; with two of them vectors become objects.
    for (int c = 0; c < VALUES / Lane.CHUNK; c++) {
      chunk(blocks, nibbles + c * 16L, absmax(blocks, block, first + c * Lane.CHUNK), out, to + c * 128L);
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
}
