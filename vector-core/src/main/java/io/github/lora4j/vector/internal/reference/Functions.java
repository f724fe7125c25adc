package io.github.lora4j.vector.internal.reference;

import io.github.lora4j.vector.Activation;

/** Scalar functions in double, to about 1e-15 relative. */
public final class Functions {
  private static final double GELU_C = Math.sqrt(2 / Math.PI);
  private static final double GELU_A = 0.044715;

  private Functions() {}

  /** f(x). */
  public static double apply(Activation f, double x) {
    return switch (f) {
      case GELU -> x * normalCdf(x);
      case GELU_TANH -> 0.5 * x * (1 + Math.tanh(GELU_C * (x + GELU_A * x * x * x)));
      case SILU -> x * sigmoid(x);
      case RELU -> Math.max(x, 0);
      case TANH -> Math.tanh(x);
      case SIGMOID -> sigmoid(x);
    };
  }

  /** f'(x); that of max(x, 0) at 0 is 0. */
  public static double derivative(Activation f, double x) {
    return switch (f) {
      case GELU -> normalCdf(x) + x * Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
      case GELU_TANH -> {
        double t = Math.tanh(GELU_C * (x + GELU_A * x * x * x));
        yield 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU_C * (1 + 3 * GELU_A * x * x);
      }
      case SILU -> sigmoid(x) * (1 + x * (1 - sigmoid(x)));
      case RELU -> x > 0 ? 1 : 0;
      case TANH -> 1 - Math.tanh(x) * Math.tanh(x);
      case SIGMOID -> sigmoid(x) * (1 - sigmoid(x));
    };
  }

  /** 1/(1 + e⁻ˣ). */
  public static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** Φ(x), accurate in the lower tail too. */
  public static double normalCdf(double x) {
    double z = x / Math.sqrt(2);
    if (z <= -2.5) {
      return 0.5 * erfcTail(-z);
    }
    return z >= 2.5 ? 1 - 0.5 * erfcTail(z) : 0.5 + 0.5 * erf(z);
  }

  /** erf(z). */
  public static double erf(double z) {
    if (Math.abs(z) >= 2.5) {
      return Math.copySign(1 - erfcTail(Math.abs(z)), z);
    }
    // 2/√π · e^(−z²) · Σ 2ⁿ z^(2n+1) / (2n+1)!!: all terms have one sign, so nothing cancels (Abramowitz and Stegun 7.1.6).
    double term = z;
    double sum = z;
    for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= 2 * z * z / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
  }

  /** 1 − erf(z) for z ≥ 2.5 by its continued fraction (Abramowitz and Stegun 7.1.14). */
  private static double erfcTail(double z) {
    double tail = z;
    for (int n = 60; n >= 1; n--) {
      tail = z + 0.5 * n / tail;
    }
    return Math.exp(-z * z) / (tail * Math.sqrt(Math.PI));
  }
}
