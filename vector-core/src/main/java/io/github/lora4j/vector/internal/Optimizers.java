package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.F;
import static io.github.lora4j.vector.internal.Simd.ORDER;
import static io.github.lora4j.vector.internal.Simd.all;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;

import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.internal.reference.Elements;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Optimizer steps in PyTorch's order of float operations (torch.optim's single-tensor loops), so that parameters agree with its
 * to a few units in the last place; hence products and sums apart, and no fma.
 */
public final class Optimizers {

  private Optimizers() {}

  public static void adam(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, long from, long to, AdamScalars s) {
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    if (at < bound) {
      adamWhole(theta, grad, m, v, at, bound, (float) s.gradScale, shrink(s), coupled(s), (float) (1 - s.beta1), (float) s.beta2,
          (float) (1 - s.beta2), root2(s), (float) s.eps, (float) -s.stepSize());
    }
    if (bound < end) {
      var mask = rest(bound, end);
      var p = load(theta, bound, mask).mul(shrink(s));
      var g = load(grad, bound, mask).mul((float) s.gradScale).add(p.mul(coupled(s)));
      var first = lerp(load(m, bound, mask), g, (float) (1 - s.beta1));
      var second = load(v, bound, mask).mul((float) s.beta2).add(g.mul((float) (1 - s.beta2)).mul(g));
      store(first, m, bound, mask);
      store(second, v, bound, mask);
      store(p.add(first.mul((float) -s.stepSize()).div(second.sqrt().div(root2(s)).add((float) s.eps))), theta, bound, mask);
    }
  }

  /** At least one vector: a method of its own, in which C2 still inlines the last store. Beside the masked rest it did not, and made objects. */
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
    if (bound < end) {
      var mask = rest(bound, end);
      var p = load(theta, bound, mask).mul(shrink(s));
      var g = load(grad, bound, mask).mul((float) s.gradScale).add(p.mul(coupled(s)));
      var first = lerp(load(m, bound, mask), g, (float) (1 - s.beta1));
      var second = load(v, bound, mask).mul((float) s.beta2).add(g.mul((float) (1 - s.beta2)).mul(g));
      var largest = load(max, bound, mask).max(second);
      store(first, m, bound, mask);
      store(second, v, bound, mask);
      store(largest, max, bound, mask);
      store(p.add(first.mul((float) -s.stepSize()).div(largest.sqrt().div(root2(s)).add((float) s.eps))), theta, bound, mask);
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

  public static void sgd(MemorySegment theta, MemorySegment grad, MemorySegment velocity, long from, long to, float lr, float momentum,
      float decay, float gradScale, boolean first) {
    boolean keep = !Elements.absent(velocity);
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
    if (at < end) {
      var mask = rest(at, end);
      var p = load(theta, at, mask);
      var step = load(grad, at, mask).mul(gradScale).add(p.mul(decay));
      if (keep) {
        step = first ? step : load(velocity, at, mask).mul(carry).add(step);
        store(step, velocity, at, mask);
      }
      store(p.add(step.mul(-lr)), theta, at, mask);
    }
  }
}
