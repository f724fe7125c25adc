package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;

/** Sums, products and reductions of flat buffers, elements [from, to). */
public final class Elementwise {

  private Elementwise() {}

  public static void add(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    for (; at < bound; at += BYTES) {
      store(load(x, at).add(load(y, at)), out, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      store(load(x, at, rest).add(load(y, at, rest)), out, at, rest);
    }
  }

  public static void multiply(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    for (; at < bound; at += BYTES) {
      store(load(x, at).mul(load(y, at)), out, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      store(load(x, at, rest).mul(load(y, at, rest)), out, at, rest);
    }
  }

  public static void scale(MemorySegment x, float alpha, MemorySegment out, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    for (; at < bound; at += BYTES) {
      store(load(x, at).mul(alpha), out, at);
    }
    if (at < end) {
      var rest = rest(at, end);
      store(load(x, at, rest).mul(alpha), out, at, rest);
    }
  }

  public static double sum(MemorySegment x, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    DoubleVector low = DoubleVector.zero(Simd.D);
    DoubleVector high = low;
    for (; at < bound; at += BYTES) {
      var v = load(x, at);
      low = low.add(Simd.widen(v, 0));
      high = high.add(Simd.widen(v, 1));
    }
    if (at < end) {
      var v = load(x, at, rest(at, end));
      low = low.add(Simd.widen(v, 0));
      high = high.add(Simd.widen(v, 1));
    }
    return Simd.sum(low.add(high));
  }

  public static double dot(MemorySegment x, MemorySegment y, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    DoubleVector low = DoubleVector.zero(Simd.D);
    DoubleVector high = low;
    for (; at < bound; at += BYTES) {
      var a = load(x, at);
      var b = load(y, at);
      low = Simd.widen(a, 0).fma(Simd.widen(b, 0), low);
      high = Simd.widen(a, 1).fma(Simd.widen(b, 1), high);
    }
    if (at < end) {
      var rest = rest(at, end);
      var a = load(x, at, rest);
      var b = load(y, at, rest);
      low = Simd.widen(a, 0).fma(Simd.widen(b, 0), low);
      high = Simd.widen(a, 1).fma(Simd.widen(b, 1), high);
    }
    return Simd.sum(low.add(high));
  }

  public static double sumSquares(MemorySegment x, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    DoubleVector low = DoubleVector.zero(Simd.D);
    DoubleVector high = low;
    for (; at < bound; at += BYTES) {
      var v = load(x, at);
      DoubleVector first = Simd.widen(v, 0);
      DoubleVector second = Simd.widen(v, 1);
      low = first.fma(first, low);
      high = second.fma(second, high);
    }
    if (at < end) {
      var v = load(x, at, rest(at, end));
      DoubleVector first = Simd.widen(v, 0);
      DoubleVector second = Simd.widen(v, 1);
      low = first.fma(first, low);
      high = second.fma(second, high);
    }
    return Simd.sum(low.add(high));
  }

  /** Sum of the floats in the bytes [at, end), in float. The last ones go one by one: after a mask, sums may become objects. */
  static float rowSum(MemorySegment x, long at, long end) {
    var first = all(0f);
    var second = first;
    for (long bound = at + (end - at & -2 * BYTES); at < bound; at += 2 * BYTES) {
      first = first.add(load(x, at));
      second = second.add(load(x, at + BYTES));
    }
    if (at + BYTES <= end) {
      first = first.add(load(x, at));
      at += BYTES;
    }
    float sum = Simd.sum(first.add(second));
    for (; at < end; at += 4) {
      sum += x.get(JAVA_FLOAT, at);
    }
    return sum;
  }

  /** Σ (x − mean)² over the floats in the bytes [at, end). */
  static float rowSquares(MemorySegment x, float mean, long at, long end) {
    var first = all(0f);
    var second = first;
    for (long bound = at + (end - at & -2 * BYTES); at < bound; at += 2 * BYTES) {
      var a = load(x, at).sub(mean);
      var b = load(x, at + BYTES).sub(mean);
      first = a.fma(a, first);
      second = b.fma(b, second);
    }
    if (at + BYTES <= end) {
      var a = load(x, at).sub(mean);
      first = a.fma(a, first);
      at += BYTES;
    }
    float sum = Simd.sum(first.add(second));
    for (; at < end; at += 4) {
      float a = x.get(JAVA_FLOAT, at) - mean;
      sum = Math.fma(a, a, sum);
    }
    return sum;
  }

  /** Σ x·y over {@code bytes} bytes at each place. */
  static float rowDot(MemorySegment x, long at, MemorySegment y, long yAt, long bytes) {
    var first = all(0f);
    var second = first;
    long i = 0;
    for (long bound = bytes & -2 * BYTES; i < bound; i += 2 * BYTES) {
      first = load(x, at + i).fma(load(y, yAt + i), first);
      second = load(x, at + i + BYTES).fma(load(y, yAt + i + BYTES), second);
    }
    if (i + BYTES <= bytes) {
      first = load(x, at + i).fma(load(y, yAt + i), first);
      i += BYTES;
    }
    float sum = Simd.sum(first.add(second));
    for (; i < bytes; i += 4) {
      sum = Math.fma(x.get(JAVA_FLOAT, at + i), y.get(JAVA_FLOAT, yAt + i), sum);
    }
    return sum;
  }
}
