package io.github.lora4j.vector.internal;

import static io.github.lora4j.vector.internal.Simd.F;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Functions of vectors made of fma alone, so that bits depend neither on the machine's math library nor on the compiler. NaN
 * propagates.
 *
 * <p>C2 stops inlining ordinary methods once a compilation has grown to 18,000 nodes, some forty vector operations; a vector
 * that crosses a call it did not inline becomes an object. Hence only the JDK's own methods, which it always inlines, in what
 * follows the long formulas: {@code broadcast} and {@code intoMemorySegment} rather than the short hands of {@link Simd}.
 */
public final class VectorMath {
  static final float LOG2E = 1.44269504f;
  static final float LN2 = 0.693147181f;
  static final float LN2_HIGH = 0x1.62e43p-1f;
  static final float LN2_LOW = -0x1.05c61p-29f;
  /** 1.5·2²³: adding it rounds to an integer, which is then in the low bits. */
  static final float ROUND = 0x1.8p23f;
  private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private VectorMath() {}

  /** eˣ to 2e-7 relative over the whole range, denormal results included. */
  public static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(broadcast(F, LOG2E), broadcast(F, ROUND));
    IntVector n = shifted.reinterpretAsInts().sub(ROUND_BITS);
    // 2ⁿ in two factors, for n from −150 to 128 is more than one exponent holds.
    IntVector half = n.lanewise(ASHR, 1);
    FloatVector first = half.add(127).lanewise(LSHL, 23).reinterpretAsFloats();
    FloatVector second = n.sub(half).add(127).lanewise(LSHL, 23).reinterpretAsFloats();
    FloatVector y = mantissa(x, shifted).mul(first).mul(second);
    return y.blend(Float.POSITIVE_INFINITY, x.compare(GT, 89f)).blend(0f, x.compare(LT, -104f));
  }

  /** eˣ for x ≤ 1 to 2e-7 relative; results below 3e-38 are 0. */
  public static FloatVector expOfNegative(FloatVector x) {
    FloatVector shifted = x.fma(broadcast(F, LOG2E), broadcast(F, ROUND));
    IntVector exponent = shifted.reinterpretAsInts().lanewise(LSHL, 23);
    FloatVector y = mantissa(x, shifted).reinterpretAsInts().add(exponent).reinterpretAsFloats();
    return y.blend(0f, x.compare(LT, -86.5f));
  }

  /** e^r, r = x − n·ln 2 in ±ln 2/2: minimax polynomial of degree 6, 3e-9 relative before rounding. */
  private static FloatVector mantissa(FloatVector x, FloatVector shifted) {
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(broadcast(F, -LN2_LOW), n.fma(broadcast(F, -LN2_HIGH), x));
    FloatVector p = r.fma(broadcast(F, 0.0013814467f), broadcast(F, 0.0083687808f));
    p = p.fma(r, broadcast(F, 0.041668393f));
    p = p.fma(r, broadcast(F, 0.16666520f));
    p = p.fma(r, broadcast(F, 0.49999994f));
    p = p.fma(r, broadcast(F, 1f));
    return p.fma(r, broadcast(F, 1f));
  }

  /** 1/(1 + e⁻ˣ) to 3e-7 relative; results below 3e-38 are 0. */
  public static FloatVector sigmoid(FloatVector x) {
    FloatVector e = expOfNegative(x.abs().neg());
    FloatVector upper = broadcast(F, 1f).div(e.add(1f));
    return upper.blend(upper.mul(e), x.compare(LT, 0f));
  }

  /** tanh x to 3e-7 relative: the rational approximation of Eigen (13/6), odd by construction. */
  public static FloatVector tanh(FloatVector x) {
    FloatVector s = x.mul(x);
    FloatVector p = s.fma(broadcast(F, -2.76076847742355e-16f), broadcast(F, 2.00018790482477e-13f));
    p = p.fma(s, broadcast(F, -8.60467152213735e-11f));
    p = p.fma(s, broadcast(F, 5.12229709037114e-08f));
    p = p.fma(s, broadcast(F, 1.48572235717979e-05f));
    p = p.fma(s, broadcast(F, 6.37261928875436e-04f));
    p = p.fma(s, broadcast(F, 4.89352455891786e-03f));
    FloatVector q = s.fma(broadcast(F, 1.19825839466702e-06f), broadcast(F, 1.18534705686654e-04f));
    q = q.fma(s, broadcast(F, 2.26843463243900e-03f));
    q = q.fma(s, broadcast(F, 4.89352518554385e-03f));
    FloatVector one = x.reinterpretAsInts().and(Integer.MIN_VALUE).or(0x3F800000).reinterpretAsFloats();
    return p.div(q).mul(x).blend(one, x.abs().compare(GT, 7.90531f));
  }

  /**
   * e^(−x²/2), from which Φ and its density follow; less than 3e-38 is 0. As {@link #expOfNegative}, on −r·2 in r's stead; with a polynomial of
   * degree 5 (7.5e-8 relative) and ln 2 as one float, for x² rounded to a float errs by more: 6e-8·x²/2.
   */
  static FloatVector gaussian(FloatVector x) {
    FloatVector s = x.mul(x);
    FloatVector shifted = s.fma(broadcast(F, -0.5f * LOG2E), broadcast(F, ROUND));
    FloatVector r = shifted.sub(ROUND).fma(broadcast(F, 2 * LN2), s);
    FloatVector p = r.fma(broadcast(F, -2.59300601e-4f), broadcast(F, 2.61972664e-3f));
    p = p.fma(r, broadcast(F, -0.0208344692f));
    p = p.fma(r, broadcast(F, 0.124997223f));
    p = p.fma(r, broadcast(F, -0.49999981f));
    p = p.fma(r, broadcast(F, 1f));
    FloatVector y = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23)).reinterpretAsFloats();
    return y.blend(0f, s.compare(GT, 173f));
  }

  /**
   * Φ(x) given {@link #gaussian}: the lower tail is e^(−x²/2)·t·P(t) with t = 1/(1 + 0.304|x|), the form of Abramowitz and Stegun 7.1.26 with P
   * of degree 7 fitted for relative error (8.3e-8), so nothing cancels where Φ is small.
   */
  static FloatVector normalCdf(FloatVector x, FloatVector gaussian) {
    FloatVector t = broadcast(F, 1f).div(x.abs().fma(broadcast(F, 0.304f), broadcast(F, 1f)));
    FloatVector p = t.fma(broadcast(F, 0.0368635151f), broadcast(F, -0.155319336f));
    p = p.fma(t, broadcast(F, 0.19222331f));
    p = p.fma(t, broadcast(F, -0.0431610906f));
    p = p.fma(t, broadcast(F, 0.123569845f));
    p = p.fma(t, broadcast(F, 0.102417637f));
    p = p.fma(t, broadcast(F, 0.122171532f));
    p = p.fma(t, broadcast(F, 0.121234629f));
    FloatVector tail = p.mul(t).mul(gaussian);
    return broadcast(F, 1f).sub(tail).blend(tail, x.compare(LT, 0f));
  }
}
