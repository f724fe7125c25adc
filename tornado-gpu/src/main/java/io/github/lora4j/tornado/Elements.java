package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Bodies of kernels with one thread for each element of [rows, cols]; {@code i} is the element. Every descriptor starts with the place of
 * the live row count and the number of columns; what follows is named at each body. An operand that is absent lies at −1.
 */
final class Elements {

  private static final float GELU_C = 0.7978845608f;
  private static final float GELU_A = 0.044715f;
  private static final float DENSITY = 0.3989422804f;

  private Elements() {}

  /** Live elements of the op described at d. */
  static int count(int d, IntArray t, IntArray n) {
    return n.get(t.get(d)) * t.get(d + 1);
  }

  /** (x, y, out): out = x + y. */
  static void add(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + 4) + i, m.get(t.get(d + 2) + i) + m.get(t.get(d + 3) + i));
    }
  }

  /** (x, y, out): out = x · y. */
  static void multiply(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + 4) + i, m.get(t.get(d + 2) + i) * m.get(t.get(d + 3) + i));
    }
  }

  /** (out, bias or −1, addend or −1): out += bias + addend, what a library's product leaves to do. */
  static void afterProduct(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int bias = t.get(d + 3);
      int addend = t.get(d + 4);
      float value = m.get(t.get(d + 2) + i);
      if (bias >= 0) {
        value += m.get(bias + i % t.get(d + 1));
      }
      if (addend >= 0) {
        value += m.get(addend + i);
      }
      m.set(t.get(d + 2) + i, value);
    }
  }

  /** (x, alpha, out): out = alpha · x. */
  static void scale(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + 4) + i, m.get(t.get(d + 2) + i) * m.get(t.get(d + 3)));
    }
  }

  /** (x or −1, out): a copy, or zeros. */
  static void copy(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int x = t.get(d + 2);
      m.set(t.get(d + 3) + i, x < 0 ? 0f : m.get(x + i));
    }
  }

  /** (x, y, f): y = f(x), f the ordinal of the activation. */
  static void activate(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float x = m.get(t.get(d + 2) + i);
      int f = t.get(d + 4);
      float y = 0f;
      if (f == 0) {
        y = x * normalCdf(x, gaussian(x));
      } else if (f == 1) {
        y = x * sigmoid(twiceInner(x));
      } else if (f == 2) {
        y = x * sigmoid(x);
      } else if (f == 3) {
        // By comparison with "not above", so that NaN stays.
        y = x <= 0f ? 0f : x;
      } else if (f == 4) {
        y = hyperbolicTangent(x);
      } else {
        y = sigmoid(x);
      }
      m.set(t.get(d + 3) + i, y);
    }
  }

  /** (x, dy, dx, f): dx = dy · f'(x). */
  static void activateGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float x = m.get(t.get(d + 2) + i);
      int f = t.get(d + 5);
      float slope = 0f;
      if (f == 0) {
        float g = gaussian(x);
        slope = normalCdf(x, g) + x * g * DENSITY;
      } else if (f == 1) {
        float s = sigmoid(twiceInner(x));
        slope = s + (1f - s) * s * x * (2f * GELU_C + x * x * (6f * GELU_C * GELU_A));
      } else if (f == 2) {
        float s = sigmoid(x);
        slope = s + (1f - s) * x * s;
      } else if (f == 3) {
        slope = x > 0f ? 1f : 0f;
      } else if (f == 4) {
        float h = hyperbolicTangent(x);
        slope = 1f - h * h;
      } else {
        float s = sigmoid(x);
        slope = (1f - s) * s;
      }
      m.set(t.get(d + 4) + i, m.get(t.get(d + 3) + i) * slope);
    }
  }

  private static float twiceInner(float x) {
    return x * (2f * GELU_C + x * x * (2f * GELU_C * GELU_A));
  }

  /** 1/(1 + e⁻ˣ) without overflow. */
  static float sigmoid(float x) {
    float e = TornadoMath.exp(x < 0f ? x : -x);
    float upper = 1f / (1f + e);
    return x < 0f ? upper * e : upper;
  }

  /** Eigen's rational approximation (13/6). */
  static float hyperbolicTangent(float x) {
    float s = x * x;
    float p = -2.76076847742355e-16f * s + 2.00018790482477e-13f;
    p = p * s - 8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;
    float q = 1.19825839466702e-06f * s + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    float y = x * p / q;
    y = x > 7.90531f ? 1f : y;
    return x < -7.90531f ? -1f : y;
  }

  private static float gaussian(float x) {
    return TornadoMath.exp(x * x * -0.5f);
  }

  /** Φ(x) by the tail e^(−x²/2)·t·P(t), t = 1/(1 + 0.35|x|): OpenCL devices need not have an error function, and TornadoVM has none. */
  private static float normalCdf(float x, float gaussian) {
    float t = 1f / (0.35f * (x < 0f ? -x : x) + 1f);
    float p = -0.02915787f * t + 0.14403085f;
    p = p * t - 0.25583887f;
    p = p * t + 0.15931955f;
    p = p * t - 0.023212252f;
    p = p * t + 0.10555246f;
    p = p * t + 0.1198213f;
    p = p * t + 0.13986352f;
    p = p * t + 0.1396213f;
    float tail = p * t * gaussian;
    return x < 0f ? tail : 1f - tail;
  }

  /** (x, stats, gamma, beta, y): y = (x − mean)·rstd·gamma + beta. */
  static void layerNorm(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int col = i % t.get(d + 1);
      int stats = t.get(d + 3) + 2 * (i / t.get(d + 1));
      float normal = (m.get(t.get(d + 2) + i) - m.get(stats)) * m.get(stats + 1);
      int beta = t.get(d + 5);
      float shift = beta < 0 ? 0f : m.get(beta + col);
      m.set(t.get(d + 6) + i, normal * m.get(t.get(d + 4) + col) + shift);
    }
  }

  /** (dy, x, stats, gamma, addend, sums, dx): dx = rstd·(g − mean g − x̂·mean g·x̂) + addend, the means in sums. */
  static void layerNormGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int cols = t.get(d + 1);
      int row = i / cols;
      int stats = t.get(d + 4) + 2 * row;
      int sums = t.get(d + 7) + 2 * row;
      float rstd = m.get(stats + 1);
      float normal = (m.get(t.get(d + 3) + i) - m.get(stats)) * rstd;
      float g = m.get(t.get(d + 2) + i) * m.get(t.get(d + 5) + i % cols);
      int addend = t.get(d + 6);
      float more = addend < 0 ? 0f : m.get(addend + i);
      m.set(t.get(d + 8) + i, rstd * (g - m.get(sums) - normal * m.get(sums + 1)) + more);
    }
  }

  /** (x, stats, gamma, y): y = x·rstd·gamma. */
  static void rmsNorm(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int cols = t.get(d + 1);
      m.set(t.get(d + 5) + i, m.get(t.get(d + 2) + i) * m.get(t.get(d + 3) + i / cols) * m.get(t.get(d + 4) + i % cols));
    }
  }

  /** (dy, x, stats, gamma, addend, sums, dx): dx = rstd·(g − x·rstd²·mean g·x) + addend. */
  static void rmsNormGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int cols = t.get(d + 1);
      int row = i / cols;
      float rstd = m.get(t.get(d + 4) + row);
      float g = m.get(t.get(d + 2) + i) * m.get(t.get(d + 5) + i % cols);
      int addend = t.get(d + 6);
      float more = addend < 0 ? 0f : m.get(addend + i);
      m.set(t.get(d + 8) + i, rstd * (g - m.get(t.get(d + 3) + i) * rstd * rstd * m.get(t.get(d + 7) + row)) + more);
    }
  }

  /** (x, norms, y): y = x / norm of its row. */
  static void l2Normalize(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + 4) + i, m.get(t.get(d + 2) + i) / m.get(t.get(d + 3) + i / t.get(d + 1)));
    }
  }

  /** (dy, y, norms, dots, dx): dx = (dy − y·dot) / norm. */
  static void l2NormalizeGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int row = i / t.get(d + 1);
      float rest = m.get(t.get(d + 2) + i) - m.get(t.get(d + 3) + i) * m.get(t.get(d + 5) + row);
      m.set(t.get(d + 6) + i, rest / m.get(t.get(d + 4) + row));
    }
  }

  /** (x, keys, random, p, threshold, site, out): inverted dropout by Philox4x32-10; see {@link io.github.lora4j.vector.Kernels#dropout}. */
  static void dropout(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int cols = t.get(d + 1);
      int col = i % cols;
      int keys = t.get(d + 3) + 2 * (i / cols);
      int random = t.get(d + 4);
      int c0 = n.get(keys);
      int c1 = n.get(keys + 1);
      int c2 = col / 4;
      int c3 = n.get(random + 2);
      int k0 = n.get(random) ^ t.get(d + 7);
      int k1 = n.get(random + 1);
      for (int round = 0; round < 10; round++) {
        long p0 = 0xD2511F53L * (c0 & 0xFFFFFFFFL);
        long p1 = 0xCD9E8D57L * (c2 & 0xFFFFFFFFL);
        // The upper half: an arithmetic shift, cut to 32 bits, has the bits of a logical one.
        int n0 = (int) (p1 >> 32) ^ c1 ^ k0;
        int n2 = (int) (p0 >> 32) ^ c3 ^ k1;
        c1 = (int) p1;
        c3 = (int) p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
      }
      int which = col % 4;
      int bits = which == 0 ? c0 : which == 1 ? c1 : which == 2 ? c2 : c3;
      // Unsigned comparison.
      boolean keep = (bits ^ 0x80000000) >= (t.get(d + 6) ^ 0x80000000);
      m.set(t.get(d + 8) + i, keep ? m.get(t.get(d + 2) + i) * m.get(t.get(d + 5)) : 0f);
    }
  }

  /** (x, scale, center, y): y = center + (x − center)·scale. */
  static void scaleColumns(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int col = i % t.get(d + 1);
      int center = t.get(d + 4);
      float middle = center < 0 ? 0f : m.get(center + col);
      m.set(t.get(d + 5) + i, middle + (m.get(t.get(d + 2) + i) - middle) * m.get(t.get(d + 3) + col));
    }
  }

  /** (theta, mask): theta = 0 where the mask is 0. */
  static void masked(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n) && m.get(t.get(d + 3) + i) == 0f) {
      m.set(t.get(d + 2) + i, 0f);
    }
  }

  /** (theta, grad, report, beta1, beta2, importance, uncertainty): see {@link io.github.lora4j.vector.Kernels#sensitivity}. */
  static void sensitivity(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float product = m.get(t.get(d + 2) + i) * (m.get(t.get(d + 4) + 2) * m.get(t.get(d + 3) + i));
      float now = product < 0f ? -product : product;
      float beta1 = m.get(t.get(d + 5));
      float beta2 = m.get(t.get(d + 6));
      float smooth = beta1 * m.get(t.get(d + 7) + i) + (1f - beta1) * now;
      float off = now - smooth;
      m.set(t.get(d + 7) + i, smooth);
      m.set(t.get(d + 8) + i, beta2 * m.get(t.get(d + 8) + i) + (1f - beta2) * (off < 0f ? -off : off));
    }
  }

  /** (predictions, labels, dPredictions, kind): gradient of the losses with labels of their own for each column; 1 BCE, 2 MSE. */
  static void columnLossGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float z = m.get(t.get(d + 2) + i);
      float label = m.get(t.get(d + 3) + i);
      m.set(t.get(d + 4) + i, t.get(d + 5) == 1 ? sigmoid(z) - label : 2f * (z - label));
    }
  }

  /** (labels or −1, each, out) of one column: {@code each}, or 0 where the label is −100. */
  static void counted(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int labels = t.get(d + 2);
      int label = 0;
      if (labels >= 0) {
        label = n.get(labels + i);
      }
      m.set(t.get(d + 4) + i, label == -100 ? 0f : m.get(t.get(d + 3)));
    }
  }

  /** (gram, r, factor) of r · r elements: factor = G − I. */
  static void gramExcess(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + 4) + i, m.get(t.get(d + 2) + i) - (i % (t.get(d + 3) + 1) == 0 ? 1f : 0f));
    }
  }

  /** (‖G − I‖², weight, count, add, penalty,
      factor): see {@link io.github.lora4j.graph.AdapterOp.GramPenalty}; the factor is G − I before. */
  static void gramPenalty(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float norm = TornadoMath.sqrt(m.get(t.get(d + 2)));
      float weight = m.get(t.get(d + 3));
      float scale = norm == 0f ? 0f : 2f * m.get(t.get(d + 4)) * weight / norm;
      m.set(t.get(d + 7) + i, m.get(t.get(d + 7) + i) * scale);
      if (i == 0) {
        int penalty = t.get(d + 6);
        m.set(penalty, weight * norm + (t.get(d + 5) == 1 ? m.get(penalty) : 0f));
      }
    }
  }

  /** log(1 + e) for 0 ≤ e ≤ 1, exact where e is small. */
  static float logOfOnePlus(float e) {
    float u = 1f + e;
    float exact = u == 1f ? e : TornadoMath.log(u) * e / (u - 1f);
    return exact;
  }
}
