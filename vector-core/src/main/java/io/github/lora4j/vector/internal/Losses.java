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

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Softmax losses over many columns. The others have as many columns as a task has labels, and stay scalar. */
public final class Losses {

  /** A vector of a thread's own, of what fills none. */
  private static final ThreadLocal<float[]> LAST = ThreadLocal.withInitial(() -> new float[LANES]);

  private Losses() {}

  public static void crossEntropy(MemorySegment logits, MemorySegment labels, MemorySegment rowLoss, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      int label = Operands.label(labels, i, cols);
      long row = (long) i * cols;
      float loss = 0;
      if (label != Operands.IGNORED) {
        float max = max(logits, row * 4, (row + cols) * 4);
        loss = (float) (Math.log(expSum(logits, max, row * 4, (row + cols) * 4)) + max - logits.getAtIndex(JAVA_FLOAT, row + label));
      }
      rowLoss.setAtIndex(JAVA_FLOAT, i, loss);
    }
  }

  public static void crossEntropyGrad(MemorySegment logits, MemorySegment labels, MemorySegment dLogits, int cols, int from, int to) {
    for (int i = from; i < to; i++) {
      int label = Operands.label(labels, i, cols);
      long row = (long) i * cols;
      if (label == Operands.IGNORED) {
        Simd.zero(dLogits, row * 4, cols * 4L);
      } else {
        softmax(logits, dLogits, row * 4, cols * 4L, row * 4);
        dLogits.setAtIndex(JAVA_FLOAT, row + label, dLogits.getAtIndex(JAVA_FLOAT, row + label) - 1);
      }
    }
  }

  public static void inBatchNegatives(MemorySegment a, MemorySegment b, MemorySegment probs, int ld, MemorySegment rowLoss, float scale,
      int rows, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      long row = (long) i * ld;
      for (int j = 0; j < rows; j++) {
        probs.setAtIndex(JAVA_FLOAT, row + j, scale * Elementwise.rowDot(a, i * bytes, b, j * bytes, bytes));
      }
      float own = probs.getAtIndex(JAVA_FLOAT, row + i);
      double lse = softmax(probs, probs, row * 4, rows * 4L, row * 4);
      rowLoss.setAtIndex(JAVA_FLOAT, i, (float) (lse - own));
      probs.setAtIndex(JAVA_FLOAT, row + i, probs.getAtIndex(JAVA_FLOAT, row + i) - 1);
    }
  }

  public static void inBatchNegativesGrad(MemorySegment probs, int ld, MemorySegment other, boolean transposed, float scale,
      MemorySegment out, int rows, int cols, int from, int to) {
    long bytes = cols * 4L;
    for (int i = from; i < to; i++) {
      Simd.zero(out, i * bytes, bytes);
      for (int j = 0; j < rows; j++) {
        float weight = probs.getAtIndex(JAVA_FLOAT, transposed ? (long) j * ld + i : (long) i * ld + j);
        Rows.addScaled(scale * weight, other, j * bytes, out, i * bytes, bytes);
      }
    }
  }

  /** out = softmax(x) of one row; the result is log Σ eˣ. */
  public static double softmax(MemorySegment x, MemorySegment out, long at, long bytes, long outAt) {
    float max = max(x, at, at + bytes);
    var sum = all(0f);
    long j = 0;
    for (long bound = whole(0, bytes); j < bound; j += BYTES) {
      var e = VectorMath.expOfNegative(load(x, at + j).sub(max));
      sum = sum.add(e);
      store(e, out, outAt + j);
    }
    if (j < bytes) {
      var rest = rest(j, bytes);
      lastExponentials(x, at + j, max, out, outAt + j, bytes - j);
      // The other lanes are 0.
      sum = sum.add(FloatVector.fromMemorySegment(F, out, outAt + j, ORDER, rest));
    }
    float total = Simd.sum(sum);
    Elementwise.scale(out, 1 / total, out, outAt / 4, (outAt + bytes) / 4);
    return max + Math.log(total);
  }

  /** out = e^(x − max) of columns that fill no vector. */
  static void lastExponentials(MemorySegment x, long at, float max, MemorySegment out, long outAt, long bytes) {
    for (long j = 0; j < bytes; j += 4) {
      out.set(JAVA_FLOAT, outAt + j, ScalarMath.expOfNegative(x.get(JAVA_FLOAT, at + j) - max));
    }
  }

  static float max(MemorySegment x, long at, long end) {
    var max = all(Float.NEGATIVE_INFINITY);
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      max = max.max(load(x, at));
    }
    if (at < end) {
      var rest = rest(at, end);
      max = max.max(all(Float.NEGATIVE_INFINITY).blend(load(x, at, rest), rest));
    }
    return Simd.max(max);
  }

  static float expSum(MemorySegment x, float max, long at, long end) {
    var sum = all(0f);
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      sum = sum.add(VectorMath.expOfNegative(load(x, at).sub(max)));
    }
    if (at < end) {
      float[] last = LAST.get();
      for (int lane = 0; lane < LANES; lane++, at += 4) {
        last[lane] = at < end ? ScalarMath.expOfNegative(x.get(JAVA_FLOAT, at) - max) : 0;
      }
      sum = sum.add(FloatVector.fromArray(F, last, 0));
    }
    return Simd.sum(sum);
  }
}
