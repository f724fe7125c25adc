package io.github.lora4j.vector.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.internal.reference.Functions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** Accuracy over both signs of every exponent, special values included. */
class VectorMathTest {
  private static void check(String name, UnaryOperator<FloatVector> f, DoubleUnaryOperator exact, double relative, double absolute) {
    float[] x = new float[Simd.LANES];
    for (int exponent = 0; exponent < 255; exponent++) {
      for (int step = 0; step < 256; step += Simd.LANES) {
        for (int lane = 0; lane < x.length; lane++) {
          int mantissa = (step + lane) / 2 * 0xFEDB % 0x800000;
          x[lane] = Float.intBitsToFloat((lane & 1) << 31 | exponent << 23 | mantissa);
        }
        float[] y = f.apply(FloatVector.fromArray(Simd.F, x, 0)).toArray();
        for (int lane = 0; lane < x.length; lane++) {
          assertClose(name, x[lane], exact.applyAsDouble(x[lane]), y[lane], relative, absolute);
        }
      }
    }
  }

  private static void assertClose(String name, float x, double want, float got, double relative, double absolute) {
    boolean good = (float) want == got || Math.abs(got - want) <= relative * Math.abs(want) + absolute;
    assertTrue(good, name + "(" + x + ") is " + got + ", expected " + want);
  }

  @Test
  void everyExponent() {
    check("exp", VectorMath::exp, Math::exp, 2e-7, Float.MIN_VALUE);
    check("exp of negative", x -> VectorMath.expOfNegative(x.abs().neg()), x -> Math.exp(-Math.abs(x)), 2e-7, 3e-38);
    check("tanh", VectorMath::tanh, Math::tanh, 3e-7, 0);
    check("sigmoid", VectorMath::sigmoid, x -> 1 / (1 + Math.exp(-x)), 3e-7, 3e-38);
    check("normal cdf", x -> VectorMath.normalCdf(x, VectorMath.gaussian(x)), Functions::normalCdf, 3e-7, 3e-8);
  }

  @Test
  void denseWhereItBends() {
    float[] x = new float[Simd.LANES];
    for (int i = -160_000; i < 160_000; i += x.length) {
      for (int lane = 0; lane < x.length; lane++) {
        x[lane] = (i + lane) * 6.7e-4f;
      }
      float[] exp = VectorMath.exp(FloatVector.fromArray(Simd.F, x, 0)).toArray();
      float[] tanh = VectorMath.tanh(FloatVector.fromArray(Simd.F, x, 0)).toArray();
      for (int lane = 0; lane < x.length; lane++) {
        assertClose("exp", x[lane], Math.exp(x[lane]), exp[lane], 2e-7, Float.MIN_VALUE);
        assertClose("tanh", x[lane], Math.tanh(x[lane]), tanh[lane], 3e-7, 0);
      }
    }
  }

  @Test
  void specialValues() {
    assertEquals(1f, one(VectorMath::exp, -0f));
    assertEquals(Float.POSITIVE_INFINITY, one(VectorMath::exp, Float.POSITIVE_INFINITY));
    assertEquals(Float.POSITIVE_INFINITY, one(VectorMath::exp, 88.73f));
    assertEquals(0f, one(VectorMath::exp, Float.NEGATIVE_INFINITY));
    assertEquals(0f, one(VectorMath::exp, -104f));
    assertEquals(Float.MIN_VALUE, one(VectorMath::exp, -103.2f));
    assertEquals(0f, one(VectorMath::expOfNegative, Float.NEGATIVE_INFINITY));
    assertEquals(-0f, one(VectorMath::tanh, -0f));
    assertEquals(0f, one(VectorMath::tanh, 0f));
    assertEquals(-1f, one(VectorMath::tanh, Float.NEGATIVE_INFINITY));
    assertEquals(1f, one(VectorMath::sigmoid, Float.POSITIVE_INFINITY));
    assertEquals(0f, one(VectorMath::sigmoid, Float.NEGATIVE_INFINITY));
    assertEquals(0.5f, one(VectorMath::sigmoid, -0f));
    assertEquals(Float.NaN, one(VectorMath::exp, Float.NaN));
    assertEquals(Float.NaN, one(VectorMath::expOfNegative, Float.NaN));
    assertEquals(Float.NaN, one(VectorMath::tanh, Float.NaN));
    assertEquals(Float.NaN, one(VectorMath::sigmoid, Float.NaN));
    assertEquals(Float.NaN, one(x -> VectorMath.normalCdf(x, VectorMath.gaussian(x)), Float.NaN));
  }

  private static float one(UnaryOperator<FloatVector> f, float x) {
    return f.apply(FloatVector.broadcast(Simd.F, x)).lane(0);
  }

  /** What fills no vector is computed one by one, with the bits that it has among others. */
  @Test
  void numbersAloneHaveTheBitsOfVectors() {
    float[] values = new float[255 * 16 * Simd.LANES];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat((i & 1) << 31 | i / (16 * Simd.LANES) << 23 | i * 0xFEDB % 0x800000);
    }
    values[1] = Float.NaN;
    values[2] = Float.POSITIVE_INFINITY;
    values[3] = Float.NEGATIVE_INFINITY;
    MemorySegment x = MemorySegment.ofArray(values);
    MemorySegment ones = MemorySegment.ofArray(new float[values.length]);
    for (long i = 0; i < values.length; i++) {
      ones.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, 1);
    }
    for (Activation f : Activation.values()) {
      float[] whole = new float[values.length];
      float[] slopes = new float[values.length];
      Activations.apply(f, x, MemorySegment.ofArray(whole), 0, whole.length);
      Activations.gradient(f, x, ones, MemorySegment.ofArray(slopes), 0, whole.length);
      for (int i = 0; i < values.length; i++) {
        assertEquals(whole[i], ScalarMath.apply(f, values[i]), f + " of " + values[i]);
        assertEquals(slopes[i], ScalarMath.slope(f, values[i]), f + "' of " + values[i]);
      }
    }
    for (int i = 0; i < values.length; i += Simd.LANES) {
      float[] exponentials = VectorMath.expOfNegative(FloatVector.fromArray(Simd.F, values, i).abs().neg()).toArray();
      for (int lane = 0; lane < Simd.LANES; lane++) {
        assertEquals(exponentials[lane], ScalarMath.expOfNegative(-Math.abs(values[i + lane])), "e^-|" + values[i + lane] + "|");
      }
    }
  }
}
