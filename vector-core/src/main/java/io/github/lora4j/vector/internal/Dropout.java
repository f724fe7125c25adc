package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.UGE;
import static jdk.incubator.vector.VectorOperators.XOR;

import io.github.lora4j.vector.Philox;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/** Dropout with {@link Philox} on a vector of counters; the lanes are longs that hold 32 bits, for the product of two of them. */
public final class Dropout {
  private static final long LOW = 0xFFFFFFFFL;
  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;
  private static final int COUNTERS = Simd.L.length();
  private static final LongVector IOTA = LongVector.zero(Simd.L).addIndex(1);
  /** Lane i of the zip of two vectors comes from lane i/2, and for the second half from the upper halves. */
  private static final VectorShuffle<Long> ZIP_LOW = VectorShuffle.fromOp(Simd.L, i -> i / 2);
  private static final VectorShuffle<Long> ZIP_HIGH = VectorShuffle.fromOp(Simd.L, i -> (COUNTERS + i) / 2);
  private static final VectorMask<Long> ODD = VectorMask.fromLong(Simd.L, 0xAAAAAAAAAAAAAAAAL);

  private Dropout() {}

  /** See {@link io.github.lora4j.vector.Kernels#dropout}. */
  public static void apply(MemorySegment x, MemorySegment rowKeys, MemorySegment random, int site, double p, MemorySegment out, int cols,
      int from, int to) {
    int threshold = Philox.threshold(p);
    float scale = (float) (1 / (1 - p));
    int step = Operands.id(random, 2);
    int k0 = Operands.id(random, 0) ^ site;
    int k1 = Operands.id(random, 1);
    for (int i = from; i < to; i++) {
      row(x, out, i * 4L * cols, (i + 1) * 4L * cols, Operands.id(rowKeys, 2L * i), Operands.id(rowKeys, 2L * i + 1), step, k0, k1,
          threshold, scale);
    }
  }

  private static void row(MemorySegment x, MemorySegment out, long at, long end, int example, int position, int step, int k0, int k1,
      int threshold, float scale) {
    // The counter starts from a number: a vector carried around both loops would be an object each time.
    long counter = 0;
    for (; at < end; at += 2L * BYTES) {
      LongVector c0 = LongVector.broadcast(Simd.L, example & LOW);
      LongVector c1 = LongVector.broadcast(Simd.L, position & LOW);
      LongVector c2 = IOTA.add(counter);
      LongVector c3 = LongVector.broadcast(Simd.L, step & LOW);
      for (int round = 0; round < 10; round++) {
        LongVector p0 = c0.mul(M0);
        LongVector p1 = c2.mul(M1);
        c0 = p1.lanewise(LSHR, 32).lanewise(XOR, c1).lanewise(XOR, k0 + round * W0 & LOW);
        c2 = p0.lanewise(LSHR, 32).lanewise(XOR, c3).lanewise(XOR, k1 + round * W1 & LOW);
        c1 = p1.and(LOW);
        c3 = p0.and(LOW);
      }
      counter += COUNTERS;
      LongVector even = c0.or(c1.lanewise(LSHL, 32));
      LongVector odd = c2.or(c3.lanewise(LSHL, 32));
      var low = even.rearrange(ZIP_LOW).blend(odd.rearrange(ZIP_LOW), ODD);
      var high = even.rearrange(ZIP_HIGH).blend(odd.rearrange(ZIP_HIGH), ODD);
      var keepLow = low.reinterpretAsInts().compare(UGE, threshold).cast(F);
      var keepHigh = high.reinterpretAsInts().compare(UGE, threshold).cast(F);
      long next = at + BYTES;
      if (next + BYTES <= end) {
        broadcast(F, 0f).blend(fromMemorySegment(F, x, at, ORDER).mul(scale), keepLow).intoMemorySegment(out, at, ORDER);
        broadcast(F, 0f).blend(fromMemorySegment(F, x, next, ORDER).mul(scale), keepHigh).intoMemorySegment(out, next, ORDER);
      } else {
        var rest = F.indexInRange(0, (int) (end - at >> 2));
        broadcast(F, 0f).blend(fromMemorySegment(F, x, at, ORDER, rest).mul(scale), keepLow).intoMemorySegment(out, at, ORDER, rest);
        if (next < end) {
          rest = F.indexInRange(0, (int) (end - next >> 2));
          broadcast(F, 0f).blend(fromMemorySegment(F, x, next, ORDER, rest).mul(scale), keepHigh).intoMemorySegment(out, next, ORDER, rest);
        }
      }
    }
  }
}
