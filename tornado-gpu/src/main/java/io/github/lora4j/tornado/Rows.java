package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.AddSum;
import io.github.lora4j.tornado.Descriptors.Classes;
import io.github.lora4j.tornado.Descriptors.ColumnLoss;
import io.github.lora4j.tornado.Descriptors.InBatch;
import io.github.lora4j.tornado.Descriptors.Likeliest;
import io.github.lora4j.tornado.Descriptors.LogSoftmaxAt;
import io.github.lora4j.tornado.Descriptors.NormSums;
import io.github.lora4j.tornado.Descriptors.Reduce;
import io.github.lora4j.tornado.Descriptors.Report;
import io.github.lora4j.tornado.Descriptors.Squares;
import io.github.lora4j.tornado.Descriptors.Stats;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Bodies of kernels in which a group of {@link #LANES} threads works on one row. A body is called phase by phase; between phases all
 * threads of the group wait, and they share {@code local}. Every thread takes its sums from the same places in the same order, so no
 * atomics are needed and results have the same bits each time.
 */
final class Rows {

  /** Threads of a group. */
  static final int LANES = 64;

  /** What {@link #reduce} makes of a row's sum of products. */
  static final int RECIPROCAL_RMS = 0;
  static final int MEAN = 1;
  static final int NORM = 2;
  static final int SUM = 3;
  static final int MEAN_ADDED = 4;

  /** No finite element is less. */
  private static final float LEAST = -Float.MAX_VALUE;

  private Rows() {}

  private static float total(float[] local, int from) {
    float sum = 0f;
    for (int j = 0; j < LANES; j++) {
      sum += local[from + j];
    }
    return sum;
  }

  private static float largest(float[] local) {
    float max = local[0];
    for (int j = 1; j < LANES; j++) {
      max = local[j] > max ? local[j] : max;
    }
    return max;
  }

  /** Three phases; (x, eps, stats): (mean, rstd) of a row, the variance around the mean. */
  static void layerNormStats(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      int x = t.get(d + Stats.X) + row * cols;
      if (phase == 0) {
        float sum = 0f;
        for (int j = lane; j < cols; j += LANES) {
          sum += m.get(x + j);
        }
        local[lane] = sum;
      } else if (phase == 1) {
        float mean = total(local, 0) / cols;
        float sum = 0f;
        for (int j = lane; j < cols; j += LANES) {
          float off = m.get(x + j) - mean;
          sum += off * off;
        }
        local[LANES + lane] = sum;
      } else if (lane == 0) {
        int stats = t.get(d + Stats.STATS) + 2 * row;
        m.set(stats, total(local, 0) / cols);
        m.set(stats + 1, 1f / TornadoMath.sqrt(total(local, LANES) / cols + m.get(t.get(d + Stats.EPS))));
      }
    }
  }

  /** Two phases; (dy, x, stats, gamma, sums): the means of g = dy·gamma and of g·x̂. */
  static void layerNormSums(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      if (phase == 0) {
        int at = row * cols;
        float mean = m.get(t.get(d + NormSums.STATS) + 2 * row);
        float rstd = m.get(t.get(d + NormSums.STATS) + 2 * row + 1);
        float sum = 0f;
        float dot = 0f;
        for (int j = lane; j < cols; j += LANES) {
          float g = m.get(t.get(d + NormSums.DY) + at + j) * m.get(t.get(d + NormSums.GAMMA) + j);
          sum += g;
          dot += g * (m.get(t.get(d + NormSums.X) + at + j) - mean) * rstd;
        }
        local[lane] = sum;
        local[LANES + lane] = dot;
      } else if (lane == 0) {
        m.set(t.get(d + NormSums.SUMS) + 2 * row, total(local, 0) / cols);
        m.set(t.get(d + NormSums.SUMS) + 2 * row + 1, total(local, LANES) / cols);
      }
    }
  }

  /** Two phases; (a, b, c or −1, eps, kind, out): of Σ a·b·c over a row, c one for all rows. */
  static void reduce(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d)) * t.get(d + Reduce.GROUPS)) {
      int cols = t.get(d + Descriptors.COLS);
      if (phase == 0) {
        int c = t.get(d + Reduce.C);
        float sum = 0f;
        for (int j = lane; j < cols; j += LANES) {
          float product = m.get(t.get(d + Reduce.A) + row * cols + j) * m.get(t.get(d + Reduce.B) + row * cols + j);
          sum += c < 0 ? product : product * m.get(c + j);
        }
        local[lane] = sum;
      } else if (lane == 0) {
        int kind = t.get(d + Reduce.KIND);
        int out = t.get(d + Reduce.OUT) + row;
        float sum = total(local, 0);
        if (kind == RECIPROCAL_RMS) {
          sum = 1f / TornadoMath.sqrt(sum / cols + m.get(t.get(d + Reduce.EPS)));
        } else if (kind == MEAN) {
          sum = sum / cols;
        } else if (kind == NORM) {
          float norm = TornadoMath.sqrt(sum);
          float eps = m.get(t.get(d + Reduce.EPS));
          sum = norm < eps ? eps : norm;
        } else if (kind == MEAN_ADDED) {
          sum = m.get(out) + sum / cols;
        }
        m.set(out, sum);
      }
    }
  }

  /**
   * The first two phases of a softmax over the first {@code cols} elements from x on: maxima, then Σ e^(x − max), of each thread. A thread
   * reads no element of another's, for gradients may be written where these lie.
   */
  private static void softmaxSums(int phase, int lane, int x, int cols, FloatArray m, float[] local) {
    if (phase == 0) {
      float max = LEAST;
      for (int j = lane; j < cols; j += LANES) {
        max = m.get(x + j) > max ? m.get(x + j) : max;
      }
      local[lane] = max;
    } else {
      float max = largest(local);
      float sum = 0f;
      for (int j = lane; j < cols; j += LANES) {
        sum += TornadoMath.exp(m.get(x + j) - max);
      }
      local[LANES + lane] = sum;
    }
  }

  /** Three phases; (predictions, labels, rowLoss): cross-entropy; a row labelled −100 has none. */
  static void crossEntropy(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      int z = t.get(d + Classes.PREDICTIONS) + row * cols;
      if (phase < 2) {
        softmaxSums(phase, lane, z, cols, m, local);
      } else if (lane == 0) {
        int label = n.get(t.get(d + Classes.LABELS) + row);
        float loss = 0f;
        if (label >= 0) {
          loss = TornadoMath.log(total(local, LANES)) + largest(local) - m.get(z + label);
        }
        m.set(t.get(d + Classes.OUT) + row, loss);
      }
    }
  }

  /** Three phases; (predictions, labels, dPredictions): softmax less the label's one. */
  static void crossEntropyGrad(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      int z = t.get(d + Classes.PREDICTIONS) + row * cols;
      if (phase < 2) {
        softmaxSums(phase, lane, z, cols, m, local);
      } else {
        int label = n.get(t.get(d + Classes.LABELS) + row);
        float max = largest(local);
        float inverse = 1f / total(local, LANES);
        for (int j = lane; j < cols; j += LANES) {
          float p = TornadoMath.exp(m.get(z + j) - max) * inverse - (j == label ? 1f : 0f);
          m.set(t.get(d + Classes.OUT) + row * cols + j, label < 0 ? 0f : p);
        }
      }
    }
  }

  /** Three phases; (logits, columns, picks, y, stats): logarithms of the softmax at columns, 0 where the column is negative. */
  static void logSoftmaxAt(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      int z = t.get(d + LogSoftmaxAt.LOGITS) + row * cols;
      if (phase < 2) {
        softmaxSums(phase, lane, z, cols, m, local);
      } else {
        float max = largest(local);
        float sum = total(local, LANES);
        int picks = t.get(d + LogSoftmaxAt.PICKS);
        for (int k = lane; k < picks; k += LANES) {
          int column = n.get(t.get(d + LogSoftmaxAt.COLUMNS) + row * picks + k);
          float y = 0f;
          if (column >= 0) {
            y = m.get(z + column) - max - TornadoMath.log(sum);
          }
          m.set(t.get(d + LogSoftmaxAt.Y) + row * picks + k, y);
        }
        if (lane == 0) {
          m.set(t.get(d + LogSoftmaxAt.STATS) + 2 * row, max);
          m.set(t.get(d + LogSoftmaxAt.STATS) + 2 * row + 1, sum);
        }
      }
    }
  }

  /** Two phases; (logits, y): the column of the largest, the first of several. */
  static void likeliest(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      int z = t.get(d + Likeliest.LOGITS) + row * cols;
      if (phase == 0) {
        float max = LEAST;
        int column = lane;
        for (int j = lane; j < cols; j += LANES) {
          float v = m.get(z + j);
          column = v > max ? j : column;
          max = v > max ? v : max;
        }
        local[lane] = max;
        local[LANES + lane] = column;
      } else if (lane == 0) {
        float max = local[0];
        float column = local[LANES];
        for (int j = 1; j < LANES; j++) {
          boolean better = local[j] > max || local[j] == max && local[LANES + j] < column;
          column = better ? local[LANES + j] : column;
          max = better ? local[j] : max;
        }
        m.set(t.get(d + Likeliest.Y) + row, column);
      }
    }
  }

  /** Two phases; (predictions, labels, rowLoss, kind): losses with labels of their own for each column. */
  static void columnLoss(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (row < n.get(t.get(d))) {
      int cols = t.get(d + Descriptors.COLS);
      if (phase == 0) {
        float sum = 0f;
        for (int j = lane; j < cols; j += LANES) {
          float z = m.get(t.get(d + ColumnLoss.PREDICTIONS) + row * cols + j);
          float label = m.get(t.get(d + ColumnLoss.LABELS) + row * cols + j);
          if (t.get(d + ColumnLoss.KIND) == Codes.BCE_WITH_LOGITS) {
            sum += (z > 0f ? z : 0f) - z * label + Elements.logOfOnePlus(TornadoMath.exp(z < 0f ? z : -z));
          } else {
            sum += (z - label) * (z - label);
          }
        }
        local[lane] = sum;
      } else if (lane == 0) {
        m.set(t.get(d + ColumnLoss.OUT) + row, total(local, 0));
      }
    }
  }

  /** Three phases; (candidates, scores, leading dimension, rowLoss) of as many columns as candidates: scores become softmax less identity. */
  static void inBatch(int phase, int lane, int row, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    int rows = n.get(t.get(d));
    if (row < rows) {
      int candidates = n.get(t.get(d + InBatch.CANDIDATES));
      int z = t.get(d + InBatch.SCORES) + row * t.get(d + InBatch.STRIDE);
      if (phase < 2) {
        softmaxSums(phase, lane, z, candidates, m, local);
      } else {
        float max = largest(local);
        float sum = total(local, LANES);
        for (int j = lane; j < candidates; j += LANES) {
          float score = m.get(z + j);
          if (j == row) {
            m.set(t.get(d + InBatch.ROW_LOSS) + row, TornadoMath.log(sum) + max - score);
          }
          m.set(z + j, TornadoMath.exp(score - max) / sum - (j == row ? 1f : 0f));
        }
      }
    }
  }

  /** Two phases, one group; (x, total): total += Σ x. */
  static void addSum(int phase, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (phase == 0) {
      int count = Elements.count(d, t, n);
      float sum = 0f;
      for (int j = lane; j < count; j += LANES) {
        sum += m.get(t.get(d + AddSum.X) + j);
      }
      local[lane] = sum;
    } else if (lane == 0) {
      m.set(t.get(d + AddSum.TOTAL), m.get(t.get(d + AddSum.TOTAL)) + total(local, 0));
    }
  }

  /** Two phases, a group for each piece; (elements in a piece, x, out): Σ x² of a piece. */
  static void squares(int phase, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (phase == 0) {
      int count = Elements.count(d, t, n);
      int from = group * t.get(d + Squares.PIECE);
      int end = from + t.get(d + Squares.PIECE) < count ? from + t.get(d + Squares.PIECE) : count;
      float sum = 0f;
      for (int j = from + lane; j < end; j += LANES) {
        float x = m.get(t.get(d + Squares.X) + j);
        sum += x * x;
      }
      local[lane] = sum;
    } else if (lane == 0) {
      m.set(t.get(d + Squares.OUT) + group, total(local, 0));
    }
  }

  /**
   * Two phases, one group; (squares, lossSum, count, maxNorm, report, go) with as many columns as there are squares: the report of an
   * optimizer step, and 1 in {@code go} if the step is to be made.
   */
  @SuppressWarnings("IdentityBinaryExpression") // What is not finite has no difference of 0 from itself.
  static void report(int phase, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local) {
    if (phase == 0) {
      float sum = 0f;
      for (int j = lane; j < t.get(d + Descriptors.COLS); j += LANES) {
        sum += m.get(t.get(d + Report.SQUARES) + j);
      }
      local[lane] = sum;
    } else if (lane == 0) {
      float targets = m.get(t.get(d + Report.TARGETS));
      float inverse = targets == 0f ? 0f : 1f / targets;
      float norm = TornadoMath.sqrt(total(local, 0)) * inverse;
      float loss = m.get(t.get(d + Report.LOSS_SUM)) * inverse;
      float limit = m.get(t.get(d + Report.MAX_NORM));
      float clip = 1f;
      if (limit > 0f) {
        clip = limit / (norm + 1e-6f);
        clip = clip > 1f ? 1f : clip;
      }
      int report = t.get(d + Report.REPORT);
      m.set(report, loss);
      m.set(report + 1, norm);
      m.set(report + 2, inverse * clip);
      m.set(t.get(d + Report.GO), targets > 0f && norm - norm == 0f && loss - loss == 0f ? 1f : 0f);
    }
  }
}
