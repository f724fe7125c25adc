package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.GT;

import io.github.lora4j.vector.Activation;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The functions of {@link Activation} and their derivatives. Each has a loop of its own, for a choice inside a loop would make
 * the vectors objects.
 */
public final class Activations {
  static final float GELU_C = (float) Math.sqrt(2 / Math.PI);
  static final float GELU_A = 0.044715f;
  static final float DENSITY = (float) (1 / Math.sqrt(2 * Math.PI));

  private Activations() {}

  /** out = f(x), elements [from, to). */
  public static void apply(Activation f, MemorySegment x, MemorySegment out, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = Simd.whole(at, end);
    switch (f) {
      case GELU -> gelu(x, out, at, bound);
      case GELU_TANH -> geluTanh(x, out, at, bound);
      case SILU -> silu(x, out, at, bound);
      case RELU -> relu(x, out, at, bound);
      case TANH -> tanh(x, out, at, bound);
      case SIGMOID -> sigmoid(x, out, at, bound);
    }
    for (; bound < end; bound += 4) {
      out.set(JAVA_FLOAT, bound, ScalarMath.apply(f, x.get(JAVA_FLOAT, bound)));
    }
  }

  /** dx = dy·f'(x), elements [from, to). */
  public static void gradient(Activation f, MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long to) {
    long at = from * 4;
    long end = to * 4;
    long bound = Simd.whole(at, end);
    switch (f) {
      case GELU -> geluGrad(x, dy, dx, at, bound);
      case GELU_TANH -> geluTanhGrad(x, dy, dx, at, bound);
      case SILU -> siluGrad(x, dy, dx, at, bound);
      case RELU -> reluGrad(x, dy, dx, at, bound);
      case TANH -> tanhGrad(x, dy, dx, at, bound);
      case SIGMOID -> sigmoidGrad(x, dy, dx, at, bound);
    }
    for (; bound < end; bound += 4) {
      dx.set(JAVA_FLOAT, bound, dy.get(JAVA_FLOAT, bound) * ScalarMath.slope(f, x.get(JAVA_FLOAT, bound)));
    }
  }

  private static FloatVector gelu(FloatVector x) {
    return x.mul(VectorMath.normalCdf(x, VectorMath.gaussian(x)));
  }

  private static FloatVector geluSlope(FloatVector x) {
    FloatVector gaussian = VectorMath.gaussian(x);
    return x.mul(gaussian).fma(broadcast(F, DENSITY), VectorMath.normalCdf(x, gaussian));
  }

  /** With 0.5(1 + tanh u) = σ(2u), which keeps its digits where it is small. */
  private static FloatVector geluTanh(FloatVector x) {
    return x.mul(VectorMath.sigmoid(twiceInner(x)));
  }

  private static FloatVector geluTanhSlope(FloatVector x) {
    FloatVector s = VectorMath.sigmoid(twiceInner(x));
    FloatVector inner = x.mul(x).fma(broadcast(F, 6 * GELU_C * GELU_A), broadcast(F, 2 * GELU_C));
    return broadcast(F, 1f).sub(s).mul(s).mul(x).fma(inner, s);
  }

  private static FloatVector twiceInner(FloatVector x) {
    return x.mul(x).fma(broadcast(F, 2 * GELU_C * GELU_A), broadcast(F, 2 * GELU_C)).mul(x);
  }

  private static FloatVector silu(FloatVector x) {
    return x.mul(VectorMath.sigmoid(x));
  }

  private static FloatVector siluSlope(FloatVector x) {
    FloatVector s = VectorMath.sigmoid(x);
    return broadcast(F, 1f).sub(s).mul(x).fma(s, s);
  }

  private static FloatVector relu(FloatVector x) {
    return x.max(0f);
  }

  private static FloatVector reluSlope(FloatVector x) {
    return broadcast(F, 0f).blend(1f, x.compare(GT, 0f));
  }

  private static FloatVector tanhSlope(FloatVector x) {
    FloatVector t = VectorMath.tanh(x);
    return broadcast(F, 1f).sub(t.mul(t));
  }

  private static FloatVector sigmoidSlope(FloatVector x) {
    FloatVector s = VectorMath.sigmoid(x);
    return broadcast(F, 1f).sub(s).mul(s);
  }

  private static void gelu(MemorySegment x, MemorySegment out, long at, long end) {
    for (; at < end; at += BYTES) {
      gelu(load(x, at)).intoMemorySegment(out, at, ORDER);
    }
  }

  private static void geluGrad(MemorySegment x, MemorySegment dy, MemorySegment dx, long at, long end) {
    for (; at < end; at += BYTES) {
      geluSlope(load(x, at)).mul(FloatVector.fromMemorySegment(F, dy, at, ORDER)).intoMemorySegment(dx, at, ORDER);
    }
  }

  private static void geluTanh(MemorySegment x, MemorySegment out, long at, long end) {
    for (; at < end; at += BYTES) {
      geluTanh(load(x, at)).intoMemorySegment(out, at, ORDER);
    }
  }

  private static void geluTanhGrad(MemorySegment x, MemorySegment dy, MemorySegment dx, long at, long end) {
    for (; at < end; at += BYTES) {
      geluTanhSlope(load(x, at)).mul(FloatVector.fromMemorySegment(F, dy, at, ORDER)).intoMemorySegment(dx, at, ORDER);
    }
  }

  private static void silu(MemorySegment x, MemorySegment out, long at, long end) {
    for (; at < end; at += BYTES) {
      silu(load(x, at)).intoMemorySegment(out, at, ORDER);
    }
  }

  private static void siluGrad(MemorySegment x, MemorySegment dy, MemorySegment dx, long at, long end) {
    for (; at < end; at += BYTES) {
      siluSlope(load(x, at)).mul(FloatVector.fromMemorySegment(F, dy, at, ORDER)).intoMemorySegment(dx, at, ORDER);
    }
  }

  private static void relu(MemorySegment x, MemorySegment out, long at, long end) {
    for (; at < end; at += BYTES) {
      relu(load(x, at)).intoMemorySegment(out, at, ORDER);
    }
  }

  private static void reluGrad(MemorySegment x, MemorySegment dy, MemorySegment dx, long at, long end) {
    for (; at < end; at += BYTES) {
      reluSlope(load(x, at)).mul(FloatVector.fromMemorySegment(F, dy, at, ORDER)).intoMemorySegment(dx, at, ORDER);
    }
  }

  private static void tanh(MemorySegment x, MemorySegment out, long at, long end) {
    for (; at < end; at += BYTES) {
      VectorMath.tanh(load(x, at)).intoMemorySegment(out, at, ORDER);
    }
  }

  private static void tanhGrad(MemorySegment x, MemorySegment dy, MemorySegment dx, long at, long end) {
    for (; at < end; at += BYTES) {
      tanhSlope(load(x, at)).mul(FloatVector.fromMemorySegment(F, dy, at, ORDER)).intoMemorySegment(dx, at, ORDER);
    }
  }

  private static void sigmoid(MemorySegment x, MemorySegment out, long at, long end) {
    for (; at < end; at += BYTES) {
      VectorMath.sigmoid(load(x, at)).intoMemorySegment(out, at, ORDER);
    }
  }

  private static void sigmoidGrad(MemorySegment x, MemorySegment dy, MemorySegment dx, long at, long end) {
    for (; at < end; at += BYTES) {
      sigmoidSlope(load(x, at)).mul(FloatVector.fromMemorySegment(F, dy, at, ORDER)).intoMemorySegment(dx, at, ORDER);
    }
  }
}
