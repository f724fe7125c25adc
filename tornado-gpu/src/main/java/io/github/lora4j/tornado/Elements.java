package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.AfterProduct;
import io.github.lora4j.tornado.Descriptors.Applied;
import io.github.lora4j.tornado.Descriptors.AppliedGrad;
import io.github.lora4j.tornado.Descriptors.Binary;
import io.github.lora4j.tornado.Descriptors.ColumnLoss;
import io.github.lora4j.tornado.Descriptors.Copy;
import io.github.lora4j.tornado.Descriptors.Counted;
import io.github.lora4j.tornado.Descriptors.Dropout;
import io.github.lora4j.tornado.Descriptors.GramExcess;
import io.github.lora4j.tornado.Descriptors.GramPenalty;
import io.github.lora4j.tornado.Descriptors.L2Grad;
import io.github.lora4j.tornado.Descriptors.LayerNorm;
import io.github.lora4j.tornado.Descriptors.LogSoftmaxAtGrad;
import io.github.lora4j.tornado.Descriptors.Masked;
import io.github.lora4j.tornado.Descriptors.NormGrad;
import io.github.lora4j.tornado.Descriptors.PerRow;
import io.github.lora4j.tornado.Descriptors.RmsNorm;
import io.github.lora4j.tornado.Descriptors.ScaleColumns;
import io.github.lora4j.tornado.Descriptors.Scaled;
import io.github.lora4j.tornado.Descriptors.Sensitivity;
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
    return n.get(t.get(d)) * t.get(d + Descriptors.COLS);
  }

  /** (x, y, out): out = x + y. */
  static void add(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + Binary.OUT) + i, m.get(t.get(d + Binary.X) + i) + m.get(t.get(d + Binary.Y) + i));
    }
  }

  /** (x, y, out): out = x · y. */
  static void multiply(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + Binary.OUT) + i, m.get(t.get(d + Binary.X) + i) * m.get(t.get(d + Binary.Y) + i));
    }
  }

  /** (out, bias or −1, addend or −1): out += bias + addend, what a library's product leaves to do. */
  static void afterProduct(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int bias = t.get(d + AfterProduct.BIAS);
      int addend = t.get(d + AfterProduct.ADDEND);
      float value = m.get(t.get(d + AfterProduct.OUT) + i);
      if (bias >= 0) {
        value += m.get(bias + i % t.get(d + Descriptors.COLS));
      }
      if (addend >= 0) {
        value += m.get(addend + i);
      }
      m.set(t.get(d + AfterProduct.OUT) + i, value);
    }
  }

  /** (x, alpha, out): out = alpha · x. */
  static void scale(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + Scaled.OUT) + i, m.get(t.get(d + Scaled.X) + i) * m.get(t.get(d + Scaled.NUMBER)));
    }
  }

  /** (x or −1, beta, out): out = x + beta. */
  static void shift(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int x = t.get(d + Scaled.X);
      float from = x < 0 ? 0f : m.get(x + i);
      m.set(t.get(d + Scaled.OUT) + i, from + m.get(t.get(d + Scaled.NUMBER)));
    }
  }

  /** (x, factors, out): out = x · factor of its row. */
  static void scaleRows(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + PerRow.OUT) + i, m.get(t.get(d + PerRow.X) + i) * m.get(t.get(d + PerRow.NUMBERS) + i / t.get(d + Descriptors.COLS)));
    }
  }

  /** (x or −1, out): a copy, or zeros. */
  static void copy(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int x = t.get(d + Copy.X);
      m.set(t.get(d + Copy.OUT) + i, x < 0 ? 0f : m.get(x + i));
    }
  }

  /** (x, y, f): y = f(x), f the code of the activation. */
  static void activate(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float x = m.get(t.get(d + Applied.X) + i);
      int f = t.get(d + Applied.F);
      float y = 0f;
      if (f == Codes.GELU) {
        y = x * normalCdf(x, gaussian(x));
      } else if (f == Codes.GELU_TANH) {
        y = x * sigmoid(twiceInner(x));
      } else if (f == Codes.SILU) {
        y = x * sigmoid(x);
      } else if (f == Codes.RELU) {
        // By comparison with "not above", so that NaN stays.
        y = x <= 0f ? 0f : x;
      } else if (f == Codes.TANH) {
        y = hyperbolicTangent(x);
      } else {
        y = sigmoid(x);
      }
      m.set(t.get(d + Applied.Y) + i, y);
    }
  }

  /** (x, dy, dx, f): dx = dy · f'(x). */
  static void activateGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float x = m.get(t.get(d + AppliedGrad.X) + i);
      int f = t.get(d + AppliedGrad.F);
      float slope = 0f;
      if (f == Codes.GELU) {
        float g = gaussian(x);
        slope = normalCdf(x, g) + x * g * DENSITY;
      } else if (f == Codes.GELU_TANH) {
        float s = sigmoid(twiceInner(x));
        slope = s + (1f - s) * s * x * (2f * GELU_C + x * x * (6f * GELU_C * GELU_A));
      } else if (f == Codes.SILU) {
        float s = sigmoid(x);
        slope = s + (1f - s) * x * s;
      } else if (f == Codes.RELU) {
        slope = x > 0f ? 1f : 0f;
      } else if (f == Codes.TANH) {
        float h = hyperbolicTangent(x);
        slope = 1f - h * h;
      } else {
        float s = sigmoid(x);
        slope = (1f - s) * s;
      }
      m.set(t.get(d + AppliedGrad.DX) + i, m.get(t.get(d + AppliedGrad.DY) + i) * slope);
    }
  }

  /** (x, y, f): y = f(x), f the code of the function. */
  static void apply(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float x = m.get(t.get(d + Applied.X) + i);
      int f = t.get(d + Applied.F);
      float y = 0f;
      if (f == Codes.EXP) {
        y = TornadoMath.exp(x);
      } else if (f == Codes.LOG_SIGMOID) {
        y = (x < 0f ? x : 0f) - logOfOnePlus(TornadoMath.exp(x < 0f ? x : -x));
      } else {
        // Either form cancels on the other side of −log 2.
        y = x > -0.6931472f ? TornadoMath.log(-expLessOne(x)) : logOfOnePlus(-TornadoMath.exp(x));
      }
      m.set(t.get(d + Applied.Y) + i, y);
    }
  }

  /** (x, dy, dx, f): dx = dy · f'(x). */
  static void applyGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float x = m.get(t.get(d + AppliedGrad.X) + i);
      int f = t.get(d + AppliedGrad.F);
      float slope = 0f;
      if (f == Codes.EXP) {
        slope = TornadoMath.exp(x);
      } else if (f == Codes.LOG_SIGMOID) {
        slope = sigmoid(-x);
      } else {
        slope = -1f / expLessOne(-x);
      }
      m.set(t.get(d + AppliedGrad.DX) + i, m.get(t.get(d + AppliedGrad.DY) + i) * slope);
    }
  }

  /** eˣ − 1, exact where x is small (Kahan). */
  private static float expLessOne(float x) {
    float u = TornadoMath.exp(x);
    float y = (u - 1f) * x / TornadoMath.log(u);
    y = u == 1f ? x : y;
    // Far from 0 nothing cancels, and the logarithm of 0 or of infinity is no help.
    return x < -1f || x > 1f ? u - 1f : y;
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
      int col = i % t.get(d + Descriptors.COLS);
      int stats = t.get(d + LayerNorm.STATS) + 2 * (i / t.get(d + Descriptors.COLS));
      float normal = (m.get(t.get(d + LayerNorm.X) + i) - m.get(stats)) * m.get(stats + 1);
      int beta = t.get(d + LayerNorm.BETA);
      float shift = beta < 0 ? 0f : m.get(beta + col);
      m.set(t.get(d + LayerNorm.Y) + i, normal * m.get(t.get(d + LayerNorm.GAMMA) + col) + shift);
    }
  }

  /** (dy, x, stats, gamma, addend, sums, dx): dx = rstd·(g − mean g − x̂·mean g·x̂) + addend, the means in sums. */
  static void layerNormGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int row = i / cols;
      int stats = t.get(d + NormGrad.STATS) + 2 * row;
      int sums = t.get(d + NormGrad.SUMS) + 2 * row;
      float rstd = m.get(stats + 1);
      float normal = (m.get(t.get(d + NormGrad.X) + i) - m.get(stats)) * rstd;
      float g = m.get(t.get(d + NormGrad.DY) + i) * m.get(t.get(d + NormGrad.GAMMA) + i % cols);
      int addend = t.get(d + NormGrad.ADDEND);
      float more = addend < 0 ? 0f : m.get(addend + i);
      m.set(t.get(d + NormGrad.DX) + i, rstd * (g - m.get(sums) - normal * m.get(sums + 1)) + more);
    }
  }

  /** (width, x, stats, gamma, y): y = x·rstd·gamma. */
  static void rmsNorm(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int width = t.get(d + RmsNorm.WIDTH);
      m.set(t.get(d + RmsNorm.Y) + i, m.get(t.get(d + RmsNorm.X) + i) * m.get(t.get(d + RmsNorm.STATS) + i / width) * m.get(t.get(d + RmsNorm.GAMMA)
          + i % width));
    }
  }

  /** (width, dy, x, stats, gamma, addend, sums, dx): dx = rstd·(g − x·rstd²·mean g·x) + addend. */
  static void rmsNormGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int width = t.get(d + NormGrad.WIDTH);
      int row = i / width;
      float rstd = m.get(t.get(d + NormGrad.STATS) + row);
      float g = m.get(t.get(d + NormGrad.DY) + i) * m.get(t.get(d + NormGrad.GAMMA) + i % width);
      int addend = t.get(d + NormGrad.ADDEND);
      float more = addend < 0 ? 0f : m.get(addend + i);
      m.set(t.get(d + NormGrad.DX) + i, rstd * (g - m.get(t.get(d + NormGrad.X) + i) * rstd * rstd * m.get(t.get(d + NormGrad.SUMS) + row)) + more);
    }
  }

  /** (x, norms, y): y = x / norm of its row. */
  static void l2Normalize(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + PerRow.OUT) + i, m.get(t.get(d + PerRow.X) + i) / m.get(t.get(d + PerRow.NUMBERS) + i / t.get(d + Descriptors.COLS)));
    }
  }

  /** (dy, y, norms, dots, dx): dx = (dy − y·dot) / norm. */
  static void l2NormalizeGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int row = i / t.get(d + Descriptors.COLS);
      float rest = m.get(t.get(d + L2Grad.DY) + i) - m.get(t.get(d + L2Grad.Y) + i) * m.get(t.get(d + L2Grad.DOTS) + row);
      m.set(t.get(d + L2Grad.DX) + i, rest / m.get(t.get(d + L2Grad.NORMS) + row));
    }
  }

  /** (x, keys, random, p, threshold, site, out): inverted dropout by Philox4x32-10; see {@link io.github.lora4j.vector.Kernels#dropout}. */
  static void dropout(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int col = i % cols;
      int keys = t.get(d + Dropout.KEYS) + 2 * (i / cols);
      int random = t.get(d + Dropout.RANDOM);
      int c0 = n.get(keys);
      int c1 = n.get(keys + 1);
      int c2 = col / 4;
      int c3 = n.get(random + 2);
      int k0 = n.get(random) ^ t.get(d + Dropout.SITE);
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
      boolean keep = (bits ^ 0x80000000) >= (t.get(d + Dropout.THRESHOLD) ^ 0x80000000);
      m.set(t.get(d + Dropout.OUT) + i, keep ? m.get(t.get(d + Dropout.X) + i) * m.get(t.get(d + Dropout.FACTOR)) : 0f);
    }
  }

  /** (x, scale, center, y): y = center + (x − center)·scale. */
  static void scaleColumns(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int col = i % t.get(d + Descriptors.COLS);
      int center = t.get(d + ScaleColumns.CENTER);
      float middle = center < 0 ? 0f : m.get(center + col);
      m.set(t.get(d + ScaleColumns.Y) + i, middle + (m.get(t.get(d + ScaleColumns.X) + i) - middle) * m.get(t.get(d + ScaleColumns.SCALE) + col));
    }
  }

  /** (theta, mask): theta = 0 where the mask is 0. */
  static void masked(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n) && m.get(t.get(d + Masked.MASK) + i) == 0f) {
      m.set(t.get(d + Masked.THETA) + i, 0f);
    }
  }

  /** (theta, grad, report, beta1, beta2, importance, uncertainty): see {@link io.github.lora4j.vector.Kernels#sensitivity}. */
  static void sensitivity(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float product = m.get(t.get(d + Sensitivity.THETA) + i) * (m.get(t.get(d + Sensitivity.REPORT) + 2) * m.get(t.get(d + Sensitivity.GRAD) + i));
      float now = product < 0f ? -product : product;
      float beta1 = m.get(t.get(d + Sensitivity.BETA1));
      float beta2 = m.get(t.get(d + Sensitivity.BETA2));
      float smooth = beta1 * m.get(t.get(d + Sensitivity.IMPORTANCE) + i) + (1f - beta1) * now;
      float off = now - smooth;
      m.set(t.get(d + Sensitivity.IMPORTANCE) + i, smooth);
      m.set(t.get(d + Sensitivity.UNCERTAINTY) + i, beta2 * m.get(t.get(d + Sensitivity.UNCERTAINTY) + i) + (1f - beta2) * (off < 0f ? -off : off));
    }
  }

  /** (predictions, labels, dPredictions, kind): gradient of the losses with labels of their own for each column. */
  static void columnLossGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float z = m.get(t.get(d + ColumnLoss.PREDICTIONS) + i);
      float label = m.get(t.get(d + ColumnLoss.LABELS) + i);
      m.set(t.get(d + ColumnLoss.OUT) + i, t.get(d + ColumnLoss.KIND) == Codes.BCE_WITH_LOGITS ? sigmoid(z) - label : 2f * (z - label));
    }
  }

  /** (logits, columns, picks, stats, dy, dLogits): the gradient of {@link Rows#logSoftmaxAt}. */
  static void logSoftmaxAtGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int row = i / t.get(d + Descriptors.COLS);
      int col = i % t.get(d + Descriptors.COLS);
      int picks = t.get(d + LogSoftmaxAtGrad.PICKS);
      int columns = t.get(d + LogSoftmaxAtGrad.COLUMNS) + row * picks;
      int dy = t.get(d + LogSoftmaxAtGrad.DY) + row * picks;
      int stats = t.get(d + LogSoftmaxAtGrad.STATS) + 2 * row;
      float all = 0f;
      float own = 0f;
      for (int k = 0; k < picks; k++) {
        int column = n.get(columns + k);
        all += column < 0 ? 0f : m.get(dy + k);
        own += column == col ? m.get(dy + k) : 0f;
      }
      float p = TornadoMath.exp(m.get(t.get(d + LogSoftmaxAtGrad.LOGITS) + i) - m.get(stats)) / m.get(stats + 1);
      m.set(t.get(d + LogSoftmaxAtGrad.D_LOGITS) + i, own - all * p);
    }
  }

  /** (labels or −1, each, out) of one column: {@code each}, or 0 where the label is −100. */
  static void counted(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      int labels = t.get(d + Counted.LABELS);
      int label = 0;
      if (labels >= 0) {
        label = n.get(labels + i);
      }
      m.set(t.get(d + Counted.OUT) + i, label == -100 ? 0f : m.get(t.get(d + Counted.EACH)));
    }
  }

  /** (gram, r, factor) of r · r elements: factor = G − I. */
  static void gramExcess(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      m.set(t.get(d + GramExcess.FACTOR) + i, m.get(t.get(d + GramExcess.GRAM) + i) - (i % (t.get(d + GramExcess.R) + 1) == 0 ? 1f : 0f));
    }
  }

  /** (‖G − I‖², weight, count, add, penalty,
      factor): see {@link io.github.lora4j.graph.AdapterOp.GramPenalty}; the factor is G − I before. */
  static void gramPenalty(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < count(d, t, n)) {
      float norm = TornadoMath.sqrt(m.get(t.get(d + GramPenalty.SQUARE)));
      float weight = m.get(t.get(d + GramPenalty.WEIGHT));
      float scale = norm == 0f ? 0f : 2f * m.get(t.get(d + GramPenalty.TARGETS)) * weight / norm;
      m.set(t.get(d + GramPenalty.FACTOR) + i, m.get(t.get(d + GramPenalty.FACTOR) + i) * scale);
      if (i == 0) {
        int penalty = t.get(d + GramPenalty.PENALTY);
        m.set(penalty, weight * norm + (t.get(d + GramPenalty.ADD) == 1 ? m.get(penalty) : 0f));
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
