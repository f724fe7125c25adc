package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.AppendRows;
import io.github.lora4j.tornado.Descriptors.Collect;
import io.github.lora4j.tornado.Descriptors.Columns;
import io.github.lora4j.tornado.Descriptors.Gather;
import io.github.lora4j.tornado.Descriptors.Ranges;
import io.github.lora4j.tornado.Descriptors.Rope;
import io.github.lora4j.tornado.Descriptors.ScatterAdd;
import io.github.lora4j.tornado.Descriptors.Spread;
import io.github.lora4j.tornado.Descriptors.Taps;
import io.github.lora4j.tornado.Descriptors.Widen;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Bodies of kernels that move elements, or sum what lies in a table's rows; see {@link Elements} for the descriptors. */
final class Moves {

  /** Where a matrix lies that may be a frozen weight: the field before its offset. */
  static final int IN_MEMORY = 0;
  static final int IN_WEIGHTS = 1;
  static final int IN_HALVES = 2;
  static final int IN_BYTES = 3;
  static final int IN_NIBBLES = 4;
  static final int IN_PAIRS = 5;

  private Moves() {}

  /**
   * An element of a matrix that may be a frozen weight. Half floats lie two to an int before the descriptors and are looked up in a table
   * of all 65,536: exact, and asks nothing of the device. Of {@link Blocks} the codes lie there, and the scales in the weights.
   *
   * @param decode offset in memory of that table, or of what nibbles stand for
   */
  static float element(int where, int index, int decode, IntArray t, FloatArray m, FloatArray w) {
    float value = 0f;
    if (where == IN_WEIGHTS) {
      value = w.get(index);
    } else if (where == IN_HALVES) {
      // The arena counts halves; which half of an int it is, is the lowest bit.
      int bits = (t.get(index >> 1) >> ((index & 1) * 16)) & 0xFFFF;
      value = m.get(decode + bits);
    } else if (where == IN_BYTES) {
      int code = (t.get(index >> 2) >> ((index & 3) * 8)) << 24 >> 24;
      value = w.get(index >> 4) * code;
    } else if (where == IN_PAIRS) {
      int code = (t.get(index >> 2) >> ((index & 3) * 8)) & 255;
      int scale = index >> 4 << 1;
      value = w.get(scale) * code + w.get(scale + 1);
    } else if (where == IN_NIBBLES) {
      int code = (t.get(index >> 3) >> ((index & 7) * 4)) & 15;
      int scale = index >> 5 << 1;
      value = w.get(scale) * m.get(decode + code) + w.get(scale + 1);
    } else {
      value = m.get(index);
    }
    return value;
  }

  /** (where, matrix, decode, out): a matrix in few bits as floats. */
  static void widen(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      m.set(t.get(d + Widen.OUT) + i, element(t.get(d + Widen.WHERE), t.get(d + Widen.MATRIX) + i, t.get(d + Widen.DECODE), t, m, w));
    }
  }

  /** (where, table, decode, ids, addend, y): y[i] = table[ids[i]] + addend[i]. */
  static void gather(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int id = n.get(t.get(d + Gather.IDS) + i / cols);
      int addend = t.get(d + Gather.ADDEND);
      float y = addend < 0 ? 0f : m.get(addend + i);
      if (id >= 0) {
        y += element(t.get(d + Gather.WHERE), t.get(d + Gather.TABLE) + id * cols + i % cols, t.get(d + Gather.DECODE), t, m, w);
      }
      m.set(t.get(d + Gather.Y) + i, y);
    }
  }

  /** (x, rows, state): state[rows[i]] = x[i]. */
  static void appendRows(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int row = n.get(t.get(d + AppendRows.ROWS) + i / cols);
      m.set(t.get(d + AppendRows.STATE) + row * cols + i % cols, m.get(t.get(d + AppendRows.X) + i));
    }
  }

  /** (dy, unique, starts, order, mean, table): table[unique[u]] += Σ dy[order[j]], or their mean. */
  static void scatterAdd(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int u = i / cols;
      int col = i % cols;
      int starts = t.get(d + ScatterAdd.STARTS);
      int length = n.get(starts + u + 1) - n.get(starts + u);
      float sum = 0f;
      for (int j = n.get(starts + u); j < n.get(starts + u + 1); j++) {
        sum += m.get(t.get(d + ScatterAdd.DY) + n.get(t.get(d + ScatterAdd.ORDER) + j) * cols + col);
      }
      int at = t.get(d + ScatterAdd.TABLE) + n.get(t.get(d + ScatterAdd.UNIQUE) + u) * cols + col;
      m.set(at, m.get(at) + (t.get(d + ScatterAdd.MEAN) == 1 && length > 0 ? sum / length : sum));
    }
  }

  /** (x, ranges, mean, y): the sum of each range of rows, or its mean. */
  static void rangeSum(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int range = t.get(d + Ranges.RANGES) + 2 * (i / cols);
      int first = n.get(range);
      int length = n.get(range + 1);
      float sum = 0f;
      for (int r = first; r < first + length; r++) {
        sum += m.get(t.get(d + Ranges.X) + r * cols + i % cols);
      }
      m.set(t.get(d + Ranges.OUT) + i, t.get(d + Ranges.MEAN) == 1 && length > 0 ? sum / length : sum);
    }
  }

  /** (dy, ranges, mean, dx): dx += dy, or dy / length, on the rows of each range. */
  static void rangeSumGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + Descriptors.COLS);
      int range = t.get(d + Ranges.RANGES) + 2 * (i / cols);
      int first = n.get(range);
      int length = n.get(range + 1);
      float share = m.get(t.get(d + Ranges.X) + i) / (t.get(d + Ranges.MEAN) == 1 ? length : 1);
      for (int r = first; r < first + length; r++) {
        int at = t.get(d + Ranges.OUT) + r * cols + i % cols;
        m.set(at, m.get(at) + share);
      }
    }
  }

  /** (x, its columns, its first column, y, its columns, its first column): a block of columns. */
  static void columns(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int row = i / t.get(d + Columns.WIDTH);
      int col = i % t.get(d + Columns.WIDTH);
      m.set(t.get(d + Columns.Y) + row * t.get(d + Columns.Y_COLS) + t.get(d + Columns.Y_FIRST) + col, m.get(t.get(d + Columns.X) + row * t.get(d
          + Columns.X_COLS) + t.get(d + Columns.X_FIRST) + col));
    }
  }

  /** (x, columns of x, spans, nothing, y): y[i, j] = x[first + j, column]. */
  static void spread(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int most = t.get(d + Descriptors.COLS);
      int span = t.get(d + Spread.SPANS) + 3 * (i / most);
      int j = i % most;
      boolean inside = j < n.get(span + 1);
      int from = inside ? t.get(d + Spread.X) + (n.get(span) + j) * t.get(d + Spread.X_COLS) + n.get(span + 2) : t.get(d + Spread.NOTHING);
      m.set(t.get(d + Spread.Y) + i, m.get(from));
    }
  }

  /** (dy, columns of dx, spans, dx): dx[first + j, column] = dy[i, j]. */
  static void collect(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int most = t.get(d + Descriptors.COLS);
      int span = t.get(d + Collect.SPANS) + 3 * (i / most);
      int j = i % most;
      if (j < n.get(span + 1)) {
        m.set(t.get(d + Collect.DX) + (n.get(span) + j) * t.get(d + Collect.DX_COLS) + n.get(span + 2), m.get(t.get(d + Collect.DY) + i));
      }
    }
  }

  /** (x, channels, indices, y): y[o, c·taps + k] = x[indices[o, k], c]; the columns are channels · taps. */
  static void unfold(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int channels = t.get(d + Taps.SIZE);
      int taps = t.get(d + Descriptors.COLS) / channels;
      int row = i / t.get(d + Descriptors.COLS);
      int col = i % t.get(d + Descriptors.COLS);
      int source = n.get(t.get(d + Taps.INDICES) + row * taps + col % taps);
      m.set(t.get(d + Taps.OUT) + i, source < 0 ? 0f : m.get(t.get(d + Taps.X) + source * channels + col / taps));
    }
  }

  /** (dy, taps, inverse, dx): dx[i, c] = Σ dy[inverse[i, k], c·taps + k]; the columns are channels. */
  static void fold(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int channels = t.get(d + Descriptors.COLS);
      int taps = t.get(d + Taps.SIZE);
      int row = i / channels;
      int channel = i % channels;
      float sum = 0f;
      for (int k = 0; k < taps; k++) {
        int source = n.get(t.get(d + Taps.INDICES) + row * taps + k);
        sum += source < 0 ? 0f : m.get(t.get(d + Taps.X) + (source * channels + channel) * taps + k);
      }
      m.set(t.get(d + Taps.OUT) + i, sum);
    }
  }

  /** (x, positions, table, size, turned, step, apart, sign, y), a thread for two columns of a head: turns a pair, or copies what stays. */
  static void rope(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int size = t.get(d + Rope.SIZE);
      int pairs = (size + 1) / 2;
      int half = t.get(d + Rope.TURNED) / 2;
      int row = i / t.get(d + Descriptors.COLS);
      int j = i % pairs;
      int head = i / pairs * size;
      int x = t.get(d + Rope.X) + head;
      int y = t.get(d + Rope.Y) + head;
      if (j < half) {
        int angles = t.get(d + Rope.TABLE) + n.get(t.get(d + Rope.POSITIONS) + row) * 2 * half + j;
        float c = m.get(angles);
        float s = m.get(angles + half) * m.get(t.get(d + Rope.SIGN));
        int one = j * t.get(d + Rope.STEP);
        int other = one + t.get(d + Rope.APART);
        float first = m.get(x + one);
        float second = m.get(x + other);
        m.set(y + one, first * c - second * s);
        m.set(y + other, second * c + first * s);
      } else {
        m.set(y + 2 * j, m.get(x + 2 * j));
        if (2 * j + 1 < size) {
          m.set(y + 2 * j + 1, m.get(x + 2 * j + 1));
        }
      }
    }
  }
}
