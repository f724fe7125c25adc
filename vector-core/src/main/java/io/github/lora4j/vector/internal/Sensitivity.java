package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.BYTES;
import static io.github.lora4j.vector.internal.Simd.load;
import static io.github.lora4j.vector.internal.Simd.rest;
import static io.github.lora4j.vector.internal.Simd.store;
import static io.github.lora4j.vector.internal.Simd.whole;

import java.lang.foreign.MemorySegment;

/** AdaLoRA's smoothed sensitivity and its uncertainty, in PyTorch's order of float operations. */
public final class Sensitivity {

  private Sensitivity() {}

  public static void update(MemorySegment theta, MemorySegment grad, float scale, float beta1, float beta2, MemorySegment importance,
      MemorySegment uncertainty, long from, long to) {
    float rest1 = 1 - beta1;
    float rest2 = 1 - beta2;
    long at = from * 4;
    long end = to * 4;
    for (long bound = whole(at, end); at < bound; at += BYTES) {
      var now = load(theta, at).mul(load(grad, at).mul(scale)).abs();
      var smooth = load(importance, at).mul(beta1).add(now.mul(rest1));
      store(smooth, importance, at);
      store(load(uncertainty, at).mul(beta2).add(now.sub(smooth).abs().mul(rest2)), uncertainty, at);
    }
    if (at < end) {
      var mask = rest(at, end);
      var now = load(theta, at, mask).mul(load(grad, at, mask).mul(scale)).abs();
      var smooth = load(importance, at, mask).mul(beta1).add(now.mul(rest1));
      store(smooth, importance, at, mask);
      store(load(uncertainty, at, mask).mul(beta2).add(now.sub(smooth).abs().mul(rest2)), uncertainty, at, mask);
    }
  }
}
