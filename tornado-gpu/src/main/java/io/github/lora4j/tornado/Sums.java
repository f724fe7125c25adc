package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Bodies of kernels that sum over rows, and the optimizer; one thread for each element, see {@link Elements}. A sum over many rows is made
 * in pieces of fixed length, then combined in order, so that its bits depend on nothing but the data.
 */
final class Sums {

  /** Rows whose sum makes one partial. */
  static final int ROWS = 256;

  /** What {@link #columnPartials} sums. */
  static final int PLAIN = 0;
  static final int TIMES_NORMAL = 1;
  static final int TIMES_RMS_NORMAL = 2;
  static final int TIMES_CENTERED = 3;

  /** The optimizer's update rules, see {@link io.github.lora4j.graph.OptimizerSpec.Kind}. */
  static final int ADAMW = 0;
  static final int ADAM = 1;
  static final int AMSGRAD = 2;
  static final int LORAFA = 3;
  static final int SGD = 4;

  private Sums() {}

  /** (dy, x, stats, center, kind, partials) with a thread for each piece of rows and column. */
  static void columnPartials(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    int rows = n.get(t.get(d));
    int cols = t.get(d + 1);
    int first = i / cols * ROWS;
    if (first < rows) {
      int col = i % cols;
      int dy = t.get(d + 2);
      int x = t.get(d + 3);
      int stats = t.get(d + 4);
      int center = t.get(d + 5);
      int kind = t.get(d + 6);
      int end = first + ROWS < rows ? first + ROWS : rows;
      float middle = center < 0 ? 0f : m.get(center + col);
      float sum = 0f;
      for (int r = first; r < end; r++) {
        float g = m.get(dy + r * cols + col);
        if (kind == TIMES_NORMAL) {
          g *= (m.get(x + r * cols + col) - m.get(stats + 2 * r)) * m.get(stats + 2 * r + 1);
        } else if (kind == TIMES_RMS_NORMAL) {
          g *= m.get(x + r * cols + col) * m.get(stats + r);
        } else if (kind == TIMES_CENTERED) {
          g *= m.get(x + r * cols + col) - middle;
        }
        sum += g;
      }
      m.set(t.get(d + 7) + i, sum);
    }
  }

  /** (rows, partials, add, rows in a piece, out) with fixed elements: out = Σ of the pieces of live rows, in order. */
  static void combine(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int elements = t.get(d + 1);
      int out = t.get(d + 6) + i;
      float sum = t.get(d + 4) == 1 ? m.get(out) : 0f;
      int pieces = (n.get(t.get(d + 2)) + t.get(d + 5) - 1) / t.get(d + 5);
      for (int p = 0; p < pieces; p++) {
        sum += m.get(t.get(d + 3) + p * elements + i);
      }
      m.set(out, sum);
    }
  }

  /** (importance, uncertainty, rows, add, scores): the mean of their product over each column. */
  static void columnScores(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + 1);
      int rows = t.get(d + 4);
      float sum = 0f;
      for (int r = 0; r < rows; r++) {
        sum += m.get(t.get(d + 2) + r * cols + i) * m.get(t.get(d + 3) + r * cols + i);
      }
      int out = t.get(d + 6) + i;
      m.set(out, sum / rows + (t.get(d + 5) == 1 ? m.get(out) : 0f));
    }
  }

  /** (norms, m, b, t, rank, scaling, inverse) with a thread for each output: see {@link io.github.lora4j.graph.AdapterOp.DoraNorm}. */
  static void doraNorm(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int outputs = t.get(d + 1);
      int rank = t.get(d + 6);
      float s = m.get(t.get(d + 7));
      float norm = m.get(t.get(d + 2) + i);
      float square = norm * norm;
      for (int k = 0; k < rank; k++) {
        square += s * m.get(t.get(d + 4) + i * rank + k)
            * (2f * m.get(t.get(d + 3) + k * outputs + i) + s * m.get(t.get(d + 5) + i * rank + k));
      }
      m.set(t.get(d + 8) + i, 1f / TornadoMath.sqrt(square));
    }
  }

  /**
   * (go, report, hyper, groups, blocks, kind, constants, theta, m, v, max): one element of every arena. Blocks of {@link Layout#BLOCK}
   * elements belong to one parameter; the table from {@code blocks} on says of each how many of its elements the parameter has, its
   * parameter group and the place of its gradient. Constants: β₁, β₂, eps, then each group's decay. The order of operations is torch's.
   */
  static void update(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n) && m.get(t.get(d + 2)) > 0f) {
      int block = t.get(d + 6) + 3 * (i / Layout.BLOCK);
      if (i % Layout.BLOCK < t.get(block)) {
        int group = t.get(block + 1);
        int kind = t.get(d + 7);
        int constants = t.get(d + 8);
        int hyper = t.get(d + 4);
        int groups = t.get(d + 5);
        float beta1 = m.get(constants);
        float beta2 = m.get(constants + 1);
        float eps = m.get(constants + 2);
        float decay = m.get(constants + 3 + group);
        float lr = m.get(hyper + group);
        float bias1 = m.get(hyper + groups);
        float bias2 = m.get(hyper + groups + 1);
        int theta = t.get(d + 9) + i;
        int first = t.get(d + 10) + i;
        float p = m.get(theta);
        float g = m.get(t.get(d + 3) + 2) * m.get(t.get(block + 2) + i % Layout.BLOCK);
        if (kind == SGD) {
          float velocity = beta1 * m.get(first) + (g + decay * p);
          m.set(first, velocity);
          m.set(theta, p - lr * velocity);
        } else {
          if (kind == ADAM) {
            g += decay * p;
          } else {
            p *= 1f - lr * decay;
          }
          if (kind == LORAFA) {
            eps /= TornadoMath.sqrt(bias2);
            bias1 /= 1f - lr * decay;
          }
          float average = m.get(first);
          average += (g - average) * (1f - beta1);
          int second = t.get(d + 11) + i;
          float square = m.get(second) * beta2 + g * (1f - beta2) * g;
          m.set(first, average);
          m.set(second, square);
          float largest = square;
          if (kind == AMSGRAD) {
            int max = t.get(d + 12) + i;
            float before = m.get(max);
            largest = before > square ? before : square;
            m.set(max, largest);
          }
          m.set(theta, p - lr / bias1 * average / (TornadoMath.sqrt(largest) / TornadoMath.sqrt(bias2) + eps));
        }
      }
    }
  }
}
