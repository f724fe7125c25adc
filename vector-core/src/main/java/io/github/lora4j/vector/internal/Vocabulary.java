package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.LANES;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Softmax over a vocabulary in chunks, a row at a time; what is done once a row and chunk stays scalar. Contracts are those of {@code Kernels}. */
public final class Vocabulary {

  private Vocabulary() {}

  public static void chunk(Kernels.LabelSoftmax s, MemorySegment x, int first, int cols, int from, int to) {
    boolean slopes = !Operands.absent(s.sums());
    for (int i = from; i < to; i++) {
      long at = (long) i * cols * 4;
      long end = at + cols * 4L;
      LabelState.begin(s, first, i);
      if (s.cap() != 0) {
        cap(x, (float) s.cap(), at, end);
      }
      float before = (float) LabelState.get(s, i, LabelState.MAX);
      float most = Losses.max(x, at, end);
      float max = before;
      // Not "above", so that NaN is taken over.
      if (!(most <= before)) {
        max = most;
        LabelState.set(s, i, LabelState.MAX, max);
        LabelState.set(s, i, LabelState.LIKELIEST, first + column(x, most, at, end));
        if (first > 0) {
          double down = Math.exp(before - max);
          LabelState.set(s, i, LabelState.SUM, LabelState.get(s, i, LabelState.SUM) * down);
          if (slopes) {
            Elementwise.scale(s.sums(), (float) down, s.sums(), (long) i * s.width(), (i + 1L) * s.width());
          }
        }
      }
      int label = LabelState.label(s, i) - first;
      if (label >= 0 && label < cols) {
        float z = x.get(JAVA_FLOAT, at + label * 4L);
        LabelState.set(s, i, LabelState.LABEL, z);
        LabelState.set(s, i, LabelState.SLOPE, s.cap() == 0 ? 1 : 1 - z / s.cap() * (z / s.cap()));
      }
      float sum = !slopes ? Losses.expSum(x, max, at, end) : s.cap() == 0 ? exponentials(x, max, at, end) : exponentials(x, max, (float) s.cap(), at,
          end);
      LabelState.set(s, i, LabelState.SUM, LabelState.get(s, i, LabelState.SUM) + sum);
    }
  }

  /** x = cap·tanh(x / cap). */
  private static void cap(MemorySegment x, float cap, long at, long end) {
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      store(VectorMath.tanh(load(x, at).mul(1 / cap)).mul(cap), x, at);
    }
    for (; at < end; at += 4) {
      x.set(JAVA_FLOAT, at, ScalarMath.tanh(x.get(JAVA_FLOAT, at) * (1 / cap)) * cap);
    }
  }

  /** x = e^(x − max); the result is their sum. */
  private static float exponentials(MemorySegment x, float max, long at, long end) {
    var sum = all(0f);
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      var e = VectorMath.expOfNegative(load(x, at).sub(max));
      sum = sum.add(e);
      store(e, x, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      Losses.lastExponentials(x, at, max, x, at, end - at);
      // The other lanes are 0.
      sum = sum.add(FloatVector.fromMemorySegment(F, x, at, ORDER, rest));
    }
    return Simd.sum(sum);
  }

  /** x = e^(x − max)·(1 − (x/cap)²); the result is the sum of the exponentials. */
  private static float exponentials(MemorySegment x, float max, float cap, long at, long end) {
    var sum = all(0f);
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      var z = load(x, at);
      var e = VectorMath.expOfNegative(z.sub(max));
      var t = z.mul(1 / cap);
      sum = sum.add(e);
      store(e.sub(e.mul(t).mul(t)), x, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      var t = FloatVector.fromMemorySegment(F, x, at, ORDER, rest).mul(1 / cap);
      Losses.lastExponentials(x, at, max, x, at, end - at);
      var e = FloatVector.fromMemorySegment(F, x, at, ORDER, rest);
      sum = sum.add(e);
      e.sub(e.mul(t).mul(t)).intoMemorySegment(x, at, ORDER, rest);
    }
    return Simd.sum(sum);
  }

  /** The first column that holds a value; 0 where none does, as with NaN. */
  private static int column(MemorySegment x, float value, long from, long end) {
    long at = from;
    for (long bound = whole(from, end); at < bound; at += BYTES) {
      var hit = load(x, at).eq(value);
      if (hit.anyTrue()) {
        return (int) (at - from) / BYTES * LANES + hit.firstTrue();
      }
    }
    for (; at < end; at += 4) {
      if (x.get(JAVA_FLOAT, at) == value) {
        return (int) (at - from) / 4;
      }
    }
    return 0;
  }

  public static void likeliest(MemorySegment x, MemorySegment y, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      long at = (long) i * cols * 4;
      y.setAtIndex(JAVA_FLOAT, i, column(x, Losses.max(x, at, at + cols * 4L), at, at + cols * 4L));
    }
  }
}
