package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.ColumnPartials;
import io.github.lora4j.tornado.Descriptors.ColumnScores;
import io.github.lora4j.tornado.Descriptors.Combine;
import io.github.lora4j.tornado.Descriptors.DoraNorm;
import io.github.lora4j.tornado.Descriptors.Update;
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

  private Sums() {}

  /** (dy, x, stats, center, kind, partials) with a thread for each piece of rows and column. */
  static void columnPartials(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    int rows = n.get(t.get(d));
    int cols = t.get(d + Descriptors.COLS);
    int first = i / cols * ROWS;
    if (first < rows) {
      int col = i % cols;
      int dy = t.get(d + ColumnPartials.DY);
      int x = t.get(d + ColumnPartials.X);
      int stats = t.get(d + ColumnPartials.STATS);
      int center = t.get(d + ColumnPartials.CENTER);
      int kind = t.get(d + ColumnPartials.KIND);
      int end = first + ROWS < rows ? first + ROWS : rows;
      float middle = center < 0 ? 0f : m.get(center + col);
      float sum = 0f;
      for (int r = first; r < end; r++) {
        float g = m.get(dy + r * cols + col);
        if (kind == TIMES_NORMAL) {
          g *= (m.get(x + r * cols + col) - m.get(stats + 2 * r)) * m.get(stats + 2 * r + 1);
        } else if (kind == TIMES_RMS_NORMAL) {
          int width = t.get(d + ColumnPartials.WIDTH);
          g *= m.get(x + r * cols + col) * m.get(stats + r * (cols / width) + col / width);
        } else if (kind == TIMES_CENTERED) {
          g *= m.get(x + r * cols + col) - middle;
        }
        sum += g;
      }
      m.set(t.get(d + ColumnPartials.PARTIALS) + i, sum);
    }
  }

  /** (rows, partials, add, rows in a piece, out) with fixed elements: out = Σ of the pieces of live rows, in order. */
  static void combine(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int elements = t.get(d + Descriptors.COLS);
      int out = t.get(d + Combine.OUT) + i;
      float sum = t.get(d + Combine.ADD) == 1 ? m.get(out) : 0f;
      int pieces = (n.get(t.get(d + Combine.ROWS)) + t.get(d + Combine.PIECE) - 1) / t.get(d + Combine.PIECE);
      for (int p = 0; p < pieces; p++) {
        sum += m.get(t.get(d + Combine.PARTIALS) + p * elements + i);
      }
      m.set(out, sum);
    }
  }

  /** (importance, uncertainty, rows, add, scores): the mean of their product over each column. */
  static void columnScores(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int rows = t.get(d + ColumnScores.ROWS);
      float sum = 0f;
      for (int r = 0; r < rows; r++) {
        sum += m.get(t.get(d + ColumnScores.IMPORTANCE) + r * cols + i) * m.get(t.get(d + ColumnScores.UNCERTAINTY) + r * cols + i);
      }
      int out = t.get(d + ColumnScores.SCORES) + i;
      m.set(out, sum / rows + (t.get(d + ColumnScores.ADD) == 1 ? m.get(out) : 0f));
    }
  }

  /** (norms, m, b, t, rank, scaling, inverse) with a thread for each output: see {@link io.github.lora4j.graph.AdapterOp.DoraNorm}. */
  static void doraNorm(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int outputs = t.get(d + Descriptors.COLS);
      int rank = t.get(d + DoraNorm.RANK);
      float s = m.get(t.get(d + DoraNorm.SCALING));
      float norm = m.get(t.get(d + DoraNorm.NORMS) + i);
      float square = norm * norm;
      for (int k = 0; k < rank; k++) {
        square += s * m.get(t.get(d + DoraNorm.B) + i * rank + k)
            * (2f * m.get(t.get(d + DoraNorm.M) + k * outputs + i) + s * m.get(t.get(d + DoraNorm.T) + i * rank + k));
      }
      m.set(t.get(d + DoraNorm.INVERSE) + i, 1f / TornadoMath.sqrt(square));
    }
  }

  /**
   * (go, report, hyper, groups, blocks, kind, constants, theta, m, v, max): one element of every arena. Blocks of {@link Layout#BLOCK}
   * elements belong to one parameter; the table from {@code blocks} on says of each how many of its elements the parameter has, its
   * parameter group and the place of its gradient. Constants: β₁, β₂, eps, then each group's decay. The order of operations is torch's.
   */
  static void update(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n) && m.get(t.get(d + Update.GO)) > 0f) {
      int block = t.get(d + Update.BLOCKS) + 3 * (i / Layout.BLOCK);
      if (i % Layout.BLOCK < t.get(block)) {
        int group = t.get(block + 1);
        int kind = t.get(d + Update.KIND);
        int constants = t.get(d + Update.CONSTANTS);
        int hyper = t.get(d + Update.HYPER);
        int groups = t.get(d + Update.GROUPS);
        float beta1 = m.get(constants);
        float beta2 = m.get(constants + 1);
        float eps = m.get(constants + 2);
        float decay = m.get(constants + 3 + group);
        float lr = m.get(hyper + group);
        float bias1 = m.get(hyper + groups);
        float bias2 = m.get(hyper + groups + 1);
        int theta = t.get(d + Update.THETA) + i;
        int first = t.get(d + Update.M) + i;
        float p = m.get(theta);
        float g = m.get(t.get(d + Update.REPORT) + 2) * m.get(t.get(block + 2) + i % Layout.BLOCK);
        if (kind == Codes.SGD) {
          float velocity = beta1 * m.get(first) + (g + decay * p);
          m.set(first, velocity);
          m.set(theta, p - lr * velocity);
        } else {
          if (kind == Codes.ADAM) {
            g += decay * p;
          } else {
            p *= 1f - lr * decay;
          }
          if (kind == Codes.LORAFA) {
            eps /= TornadoMath.sqrt(bias2);
            bias1 /= 1f - lr * decay;
          }
          float average = m.get(first);
          average += (g - average) * (1f - beta1);
          int second = t.get(d + Update.V) + i;
          float square = m.get(second) * beta2 + g * (1f - beta2) * g;
          m.set(first, average);
          m.set(second, square);
          float largest = square;
          if (kind == Codes.AMSGRAD) {
            int max = t.get(d + Update.MAX) + i;
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
