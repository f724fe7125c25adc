package io.github.lora4j.vector.internal.blocks;

import static io.github.lora4j.vector.internal.blocks.Lane.WIDE;
import static io.github.lora4j.vector.internal.blocks.Lane.WIDTH;

import io.github.lora4j.vector.blocks.GgufFormat;
import io.github.lora4j.vector.internal.Simd;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** A half and 32 bytes. */
final class Q80Decoder extends GroupDecoder {

  private static final int VALUES = 32;
  private static final int BLOCK = 34;

  Q80Decoder() {
    super(GgufFormat.Q8_0, VALUES);
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    FloatVector d = FloatVector.broadcast(Lane.FLOATS, Lane.half(blocks, block));
    for (int i = 0; i < VALUES; i += Lane.COUNT) {
      Lane.store(Lane.signed(blocks, block + 2 + i).mul(d), out, to + i * 4L);
    }
  }

  @Override
  public boolean dots() {
    return true;
  }

  @Override
  public float dot(MemorySegment blocks, long row, int count, MemorySegment x, long at) {
    return row(blocks, row, count / VALUES, x, at);
  }

  private static float row(MemorySegment w, long row, int blocks, MemorySegment x, long at) {
    FloatVector sum = FloatVector.zero(Lane.FLOATS);
    for (int b = 0; b < blocks; b++) {
      long block = row + (long) b * BLOCK;
      long from = at + b * 128L;
      FloatVector of = Lane.signed(w, block + 2).mul(Lane.load(x, from));
      of = Lane.signed(w, block + 2 + Lane.COUNT).fma(Lane.load(x, from + WIDTH), of);
      if (!WIDE) {
        of = Lane.signed(w, block + 2 + 2 * Lane.COUNT).fma(Lane.load(x, from + 2 * WIDTH), of);
        of = Lane.signed(w, block + 2 + 3 * Lane.COUNT).fma(Lane.load(x, from + 3 * WIDTH), of);
      }
      sum = of.fma(FloatVector.broadcast(Lane.FLOATS, Lane.half(w, block)), sum);
    }
    return Simd.sum(sum);
  }

  @Override
  public int prepared(int k) {
    return WIDE && k % VALUES == 0 ? k : 0;
  }

  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    MemorySegment.copy(x, at, prepared, to, k * 4L);
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    int blocks = k / VALUES;
    long bytes = (long) blocks * BLOCK;
    Q80Rows.run(Raw.blocks(w, row, stride, count, bytes), stride, count, blocks, bytes, Raw.address(s, prepared, k * 4L), sums);
  }
}
