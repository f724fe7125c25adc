package io.github.lora4j.testkit;

import java.util.Map;
import java.util.Objects;

/** Compares what a backend computed with what the reference did. */
public final class Comparison {

  /** Half a unit in the last place of F32 at 1. */
  private static final double EPS = 0x1p-24;

  private Comparison() {}

  /**
   * The relative error allowed after sums of {@code length} rounded terms: rounding grows with the length, and a constant is left for
   * the few functions (exp, tanh, erf) that are not correctly rounded.
   */
  public static double tolerance(int length) {
    return EPS * (64 + 2.0 * length);
  }

  /**
   * Checks every tensor: no element may differ by more than the tolerance times the tensor's largest magnitude, or a hundredth of
   * the largest of all. The latter is for what cancels: attention over a single key has gradients of zero, left over from terms of
   * the size of the loss.
   */
  public static void check(String what, Map<String, double[]> got, Map<String, double[]> want, double tolerance) {
    if (!got.keySet().equals(want.keySet())) {
      throw new AssertionError("%s: results are %s, expected %s".formatted(what, got.keySet(), want.keySet()));
    }
    double all = want.values().stream().mapToDouble(Comparison::largest).max().orElse(0);
    want.forEach((name, expected) -> check(what + ": " + name, Objects.requireNonNull(got.get(name), "it has the same keys"), expected,
        tolerance * Math.max(largest(expected), 1e-2 * all)));
  }

  /** Checks one tensor to an absolute error. */
  public static void check(String what, double[] got, double[] want, double allowed) {
    if (got.length != want.length) {
      throw new AssertionError("%s: %d elements, expected %d".formatted(what, got.length, want.length));
    }
    int worst = -1;
    for (int i = 0; i < want.length; i++) {
      boolean ok = Math.abs(got[i] - want[i]) <= allowed;
      if (!ok && (worst < 0 || !(Math.abs(got[i] - want[i]) <= Math.abs(got[worst] - want[worst])))) {
        worst = i;
      }
    }
    if (worst >= 0) {
      throw new AssertionError("%s: element %d of %d is %s, expected %s, off by %.3g where %.3g is allowed"
          .formatted(what, worst, want.length, got[worst], want[worst], Math.abs(got[worst] - want[worst]), allowed));
    }
  }

  static double largest(double[] values) {
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }
}
