package io.github.lora4j.vector.internal;

import static java.lang.Math.fma;

import io.github.lora4j.vector.Activation;

/**
 * The functions of {@link VectorMath} and {@link Activations} of one number, step by step the same, so with the same bits: for what is left behind
 * the last whole vector. There the same vectors under a mask were a second copy of a long formula in one method, of which the compiler left a part out of
 * line, and vectors that went there became objects.
 */
final class ScalarMath {

  private ScalarMath() {}

  static float expOfNegative(float x) {
    float shifted = fma(x, VectorMath.LOG2E, VectorMath.ROUND);
    float n = shifted - VectorMath.ROUND;
    float r = fma(n, -VectorMath.LN2_LOW, fma(n, -VectorMath.LN2_HIGH, x));
    float p = fma(r, 0.0013814467f, 0.0083687808f);
    p = fma(p, r, 0.041668393f);
    p = fma(p, r, 0.16666520f);
    p = fma(p, r, 0.49999994f);
    p = fma(p, r, 1f);
    p = fma(p, r, 1f);
    return x < -86.5f ? 0 : Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
  }

  static float sigmoid(float x) {
    float e = expOfNegative(-Math.abs(x));
    float upper = 1 / (e + 1);
    return x < 0 ? upper * e : upper;
  }

  static float tanh(float x) {
    float s = x * x;
    float p = fma(s, -2.76076847742355e-16f, 2.00018790482477e-13f);
    p = fma(p, s, -8.60467152213735e-11f);
    p = fma(p, s, 5.12229709037114e-08f);
    p = fma(p, s, 1.48572235717979e-05f);
    p = fma(p, s, 6.37261928876435e-04f);
    p = fma(p, s, 4.89352455891786e-03f);
    float q = fma(s, 1.19825839466702e-06f, 1.18534705686654e-04f);
    q = fma(q, s, 2.26843463243900e-03f);
    q = fma(q, s, 4.89352518554385e-03f);
    return Math.abs(x) > 7.90531f ? Math.copySign(1f, x) : p / q * x;
  }

  private static float gaussian(float x) {
    float s = x * x;
    float shifted = fma(s, -0.5f * VectorMath.LOG2E, VectorMath.ROUND);
    float r = fma(shifted - VectorMath.ROUND, 2 * VectorMath.LN2, s);
    float p = fma(r, -2.59300601e-4f, 2.61972664e-3f);
    p = fma(p, r, -0.0208344692f);
    p = fma(p, r, 0.124997223f);
    p = fma(p, r, -0.49999981f);
    p = fma(p, r, 1f);
    return s > 173 ? 0 : Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
  }

  private static float normalCdf(float x, float gaussian) {
    float t = 1 / fma(Math.abs(x), 0.304f, 1f);
    float p = fma(t, 0.0368635151f, -0.155319336f);
    p = fma(p, t, 0.19222331f);
    p = fma(p, t, -0.0431610906f);
    p = fma(p, t, 0.123569845f);
    p = fma(p, t, 0.102417637f);
    p = fma(p, t, 0.122171532f);
    p = fma(p, t, 0.121234629f);
    float tail = p * t * gaussian;
    return x < 0 ? tail : 1 - tail;
  }

  static float apply(Activation f, float x) {
    return switch (f) {
      case GELU -> x * normalCdf(x, gaussian(x));
      case GELU_TANH -> x * sigmoid(twiceInner(x));
      case SILU -> x * sigmoid(x);
      case RELU -> Math.max(x, 0);
      case TANH -> tanh(x);
      case SIGMOID -> sigmoid(x);
    };
  }

  static float slope(Activation f, float x) {
    return switch (f) {
      case GELU -> {
        float gaussian = gaussian(x);
        yield fma(x * gaussian, Activations.DENSITY, normalCdf(x, gaussian));
      }
      case GELU_TANH -> {
        float s = sigmoid(twiceInner(x));
        yield fma((1 - s) * s * x, fma(x * x, 6 * Activations.GELU_C * Activations.GELU_A, 2 * Activations.GELU_C), s);
      }
      case SILU -> {
        float s = sigmoid(x);
        yield fma((1 - s) * x, s, s);
      }
      case RELU -> x > 0 ? 1 : 0;
      case TANH -> {
        float t = tanh(x);
        yield 1 - t * t;
      }
      case SIGMOID -> {
        float s = sigmoid(x);
        yield (1 - s) * s;
      }
    };
  }

  private static float twiceInner(float x) {
    return fma(x * x, 2 * Activations.GELU_C * Activations.GELU_A, 2 * Activations.GELU_C) * x;
  }
}
