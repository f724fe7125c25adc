package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;

import io.github.lora4j.vector.AdamScalars;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Optimizer steps in PyTorch's order of float operations (torch.optim's single-tensor loops), so that parameters agree with its
 * to a few units in the last place; hence products and sums apart, and no fma. What is less than a vector is done one by one, with the same
 * operations: masks became objects.
 */
public final class Optimizers {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private Optimizers() {}

  public static void adam(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, long from, long to, AdamScalars s) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    if (at < bound) {
      adamWhole(theta, grad, m, v, at, bound, (float) s.gradScale, shrink(s), coupled(s), (float) (1 - s.beta1), (float) s.beta2,
          (float) (1 - s.beta2), root2(s), (float) s.eps, (float) -s.stepSize());
    }
    for (at = bound; at < end; at += Float.BYTES) {
      float p = theta.get(FLOAT, at) * shrink(s);
      float g = grad.get(FLOAT, at) * (float) s.gradScale + p * coupled(s);
      float first = lerp(m.get(FLOAT, at), g, (float) (1 - s.beta1));
      float second = v.get(FLOAT, at) * (float) s.beta2 + g * (float) (1 - s.beta2) * g;
      m.set(FLOAT, at, first);
      v.set(FLOAT, at, second);
      theta.set(FLOAT, at, p + first * (float) -s.stepSize() / (root(second) / root2(s) + (float) s.eps));
    }
  }

  /** At least one vector: a method of its own, in which C2 still inlines the last store. With more beside the loop it did not, and made objects. */
  private static void adamWhole(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, long at, long bound,
      float gradScale, float shrink, float decay, float rest1, float beta2, float rest2, float root2, float eps, float step) {
    do {
      var p = FloatVector.fromMemorySegment(F, theta, at, ORDER).mul(shrink);
      var g = FloatVector.fromMemorySegment(F, grad, at, ORDER).mul(gradScale).add(p.mul(decay));
      var first = lerp(FloatVector.fromMemorySegment(F, m, at, ORDER), g, rest1);
      var second = FloatVector.fromMemorySegment(F, v, at, ORDER).mul(beta2).add(g.mul(rest2).mul(g));
      first.intoMemorySegment(m, at, ORDER);
      second.intoMemorySegment(v, at, ORDER);
      p.add(first.mul(step).div(second.sqrt().div(root2).add(eps))).intoMemorySegment(theta, at, ORDER);
    } while ((at += BYTES) < bound);
  }

  private static float shrink(AdamScalars s) {
    return s.decoupled ? (float) (1 - s.lr * s.decay) : 1;
  }

  /** The decay that is part of the gradient. */
  private static float coupled(AdamScalars s) {
    return s.decoupled ? 0 : (float) s.decay;
  }

  private static float root2(AdamScalars s) {
    return (float) Math.sqrt(s.biasCorrection2);
  }

  public static void amsgrad(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, MemorySegment max, long from,
      long to, AdamScalars s) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    if (at < bound) {
      amsgradWhole(theta, grad, m, v, max, at, bound, (float) s.gradScale, shrink(s), coupled(s), (float) (1 - s.beta1), (float) s.beta2,
          (float) (1 - s.beta2), root2(s), (float) s.eps, (float) -s.stepSize());
    }
    for (at = bound; at < end; at += Float.BYTES) {
      float p = theta.get(FLOAT, at) * shrink(s);
      float g = grad.get(FLOAT, at) * (float) s.gradScale + p * coupled(s);
      float first = lerp(m.get(FLOAT, at), g, (float) (1 - s.beta1));
      float second = v.get(FLOAT, at) * (float) s.beta2 + g * (float) (1 - s.beta2) * g;
      float largest = Math.max(max.get(FLOAT, at), second);
      m.set(FLOAT, at, first);
      v.set(FLOAT, at, second);
      max.set(FLOAT, at, largest);
      theta.set(FLOAT, at, p + first * (float) -s.stepSize() / (root(largest) / root2(s) + (float) s.eps));
    }
  }

  private static void amsgradWhole(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, MemorySegment max, long at,
      long bound, float gradScale, float shrink, float decay, float rest1, float beta2, float rest2, float root2, float eps, float step) {
    do {
      var p = FloatVector.fromMemorySegment(F, theta, at, ORDER).mul(shrink);
      var g = FloatVector.fromMemorySegment(F, grad, at, ORDER).mul(gradScale).add(p.mul(decay));
      var first = lerp(FloatVector.fromMemorySegment(F, m, at, ORDER), g, rest1);
      var second = FloatVector.fromMemorySegment(F, v, at, ORDER).mul(beta2).add(g.mul(rest2).mul(g));
      var largest = FloatVector.fromMemorySegment(F, max, at, ORDER).max(second);
      first.intoMemorySegment(m, at, ORDER);
      second.intoMemorySegment(v, at, ORDER);
      largest.intoMemorySegment(max, at, ORDER);
      p.add(first.mul(step).div(largest.sqrt().div(root2).add(eps))).intoMemorySegment(theta, at, ORDER);
    } while ((at += BYTES) < bound);
  }

  /** torch.lerp: from the nearer end, so that weights 0 and 1 are exact. */
  private static FloatVector lerp(FloatVector from, FloatVector to, float weight) {
    var difference = to.sub(from);
    return weight < 0.5f ? from.add(difference.mul(weight)) : to.sub(difference.mul(1 - weight));
  }

  private static float lerp(float from, float to, float weight) {
    float difference = to - from;
    return weight < 0.5f ? from + difference * weight : to - difference * (1 - weight);
  }

  private static float root(float x) {
    return (float) Math.sqrt(x);
  }

  public static void sgd(MemorySegment theta, MemorySegment grad, MemorySegment velocity, long from, long to, float lr, float momentum,
      float decay, float gradScale, boolean first) {
    boolean keep = !Operands.absent(velocity);
    float carry = first ? 0 : momentum;
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    if (at < bound) {
      do {
        var p = load(theta, at);
        var step = load(grad, at).mul(gradScale).add(p.mul(decay));
        if (keep) {
          step = first ? step : load(velocity, at).mul(carry).add(step);
          store(step, velocity, at);
        }
        store(p.add(step.mul(-lr)), theta, at);
      } while ((at += BYTES) < bound);
    }
    for (; at < end; at += Float.BYTES) {
      float p = theta.get(FLOAT, at);
      float step = grad.get(FLOAT, at) * gradScale + p * decay;
      if (keep) {
        step = first ? step : velocity.get(FLOAT, at) * carry + step;
        velocity.set(FLOAT, at, step);
      }
      theta.set(FLOAT, at, p + step * -lr);
    }
  }
}
