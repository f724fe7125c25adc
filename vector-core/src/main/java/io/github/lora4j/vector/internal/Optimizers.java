package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
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
    float gradScale = (float) s.gradScale;
    float shrink = s.decoupled ? (float) (1 - s.lr * s.decay) : 1;
    float decay = s.decoupled ? 0 : (float) s.decay;
    float rest1 = (float) (1 - s.beta1);
    float beta2 = (float) s.beta2;
    float rest2 = (float) (1 - s.beta2);
    float root2 = (float) Math.sqrt(s.biasCorrection2);
    float eps = (float) s.eps;
    float step = (float) -s.stepSize();
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    if (at < bound) {
      do {
        var p = load(theta, at).mul(shrink);
        var g = load(grad, at).mul(gradScale).add(p.mul(decay));
        var first = lerp(load(m, at), g, rest1);
        var second = load(v, at).mul(beta2).add(g.mul(rest2).mul(g));
        store(first, m, at);
        store(second, v, at);
        store(p.add(first.mul(step).div(second.sqrt().div(root2).add(eps))), theta, at);
      } while ((at += BYTES) < bound);
    }
    if (at < end) {
      var mask = rest(at, end);
      var p = load(theta, at, mask).mul(shrink);
      var g = load(grad, at, mask).mul(gradScale).add(p.mul(decay));
      var first = lerp(load(m, at, mask), g, rest1);
      var second = load(v, at, mask).mul(beta2).add(g.mul(rest2).mul(g));
      store(first, m, at, mask);
      store(second, v, at, mask);
      store(p.add(first.mul(step).div(second.sqrt().div(root2).add(eps))), theta, at, mask);
    }
  }

  public static void amsgrad(MemorySegment theta, MemorySegment grad, MemorySegment m, MemorySegment v, MemorySegment max, long from,
      long to, AdamScalars s) {
    float gradScale = (float) s.gradScale;
    float shrink = s.decoupled ? (float) (1 - s.lr * s.decay) : 1;
    float decay = s.decoupled ? 0 : (float) s.decay;
    float rest1 = (float) (1 - s.beta1);
    float beta2 = (float) s.beta2;
    float rest2 = (float) (1 - s.beta2);
    float root2 = (float) Math.sqrt(s.biasCorrection2);
    float eps = (float) s.eps;
    float step = (float) -s.stepSize();
    long at = from * 4;
    long end = to * 4;
    long bound = whole(at, end);
    if (at < bound) {
      do {
        var p = load(theta, at).mul(shrink);
        var g = load(grad, at).mul(gradScale).add(p.mul(decay));
        var first = lerp(load(m, at), g, rest1);
        var second = load(v, at).mul(beta2).add(g.mul(rest2).mul(g));
        var largest = load(max, at).max(second);
        store(first, m, at);
        store(second, v, at);
        store(largest, max, at);
        store(p.add(first.mul(step).div(largest.sqrt().div(root2).add(eps))), theta, at);
      } while ((at += BYTES) < bound);
    }
    if (at < end) {
      var mask = rest(at, end);
      var p = load(theta, at, mask).mul(shrink);
      var g = load(grad, at, mask).mul(gradScale).add(p.mul(decay));
      var first = lerp(load(m, at, mask), g, rest1);
      var second = load(v, at, mask).mul(beta2).add(g.mul(rest2).mul(g));
      var largest = load(max, at, mask).max(second);
      store(first, m, at, mask);
      store(second, v, at, mask);
      store(largest, max, at, mask);
      store(p.add(first.mul(step).div(largest.sqrt().div(root2).add(eps))), theta, at, mask);
    }
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
