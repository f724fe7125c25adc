package io.github.lora4j.vector.internal.blocks;

import io.github.lora4j.vector.blocks.GgufFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** 32 nibbles, and the fifth bits of all of them in a word. */
final class Q5Decoder extends GroupDecoder {

  private static final int VALUES = 32;
  private static final IntVector IOTA = IntVector.zero(Lane.INTS).addIndex(1);

  private final boolean minimum;
  private final Raw.Prepared prepared;

  Q5Decoder(GgufFormat format) {
    super(format, VALUES);
    minimum = format == GgufFormat.Q5_1;
    // n is 32·(1 + n / 32) − 32, and n − 16 is that less 16.
    prepared = minimum ? new Raw.Prepared(10, 32, -1) : new Raw.Prepared(9, 32, -1.5f);
  }

  @Override
  void group(MemorySegment blocks, long block, int first, MemorySegment out, long to) {
    long at = block + (minimum ? 4 : 2);
    FloatVector d = FloatVector.broadcast(Lane.FLOATS, Lane.half(blocks, block));
    int fifths = blocks.get(ValueLayout.JAVA_INT_UNALIGNED, at);
    for (int i = 0; i < VALUES / 2; i += Lane.COUNT) {
      IntVector n = Lane.unsigned(blocks, at + 4 + i);
      Lane.store(scaled(n.and(15).or(fifths(fifths, i)), d, blocks, block), out, to + i * 4L);
      Lane.store(scaled(Lane.shr(n, 4).or(fifths(fifths, i + 16)), d, blocks, block), out, to + 64 + i * 4L);
    }
  }

  /** Bit {@code first} and those that follow, each in its lane, as a fifth bit. */
  private static IntVector fifths(int bits, int first) {
    return IntVector.broadcast(Lane.INTS, bits >>> first).lanewise(VectorOperators.LSHR, IOTA).and(1).lanewise(VectorOperators.LSHL, 4);
  }

  private FloatVector scaled(IntVector n, FloatVector d, MemorySegment blocks, long block) {
    return minimum ? Lane.floats(n).mul(d).add(Lane.half(blocks, block + 2)) : Lane.floats(n.sub(16)).mul(d);
  }

  @Override
  public int prepared(int k) {
    return Lane.WIDE && Raw.wholeSteps(k, VALUES) ? prepared.floats(k) : 0;
  }

  @Override
  public void prepare(MemorySegment x, long at, int k, MemorySegment prepared, long to) {
    this.prepared.fill(x, at, k, prepared, to);
  }

  @Override
  public void rows(MemorySegment w, long row, long stride, int count, int k, MemorySegment s, long prepared, float[] sums) {
    int bytes = minimum ? 24 : 22;
    long rowBytes = (long) k / VALUES * bytes;
    long blocks = Raw.blocks(w, row, stride, count, rowBytes);
    long x = Raw.address(s, prepared, prepared(k) * 4L);
    if (minimum) {
      Q51Rows.run(blocks, stride, count, Raw.steps(k), rowBytes, rowBytes - 96, x, sums);
    } else {
      Q50Rows.run(blocks, stride, count, Raw.steps(k), rowBytes, rowBytes - 88, x, sums);
    }
  }
}
