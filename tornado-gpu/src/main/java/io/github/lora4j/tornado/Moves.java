package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Bodies of kernels that move elements, or sum what lies in a table's rows; see {@link Elements} for the descriptors. */
final class Moves {

  /** Where a matrix lies that may be a frozen weight: the field before its offset. */
  static final int IN_MEMORY = 0;
  static final int IN_WEIGHTS = 1;
  static final int IN_HALVES = 2;

  private Moves() {}

  /**
   * An element of a matrix that may be a frozen weight. Half floats lie two to an int behind the descriptors and are looked up in a table
   * of all 65,536: exact, and asks nothing of the device.
   *
   * @param decode offset of that table in memory
   */
  static float element(int where, int index, int decode, IntArray t, FloatArray m, FloatArray w) {
    float value = 0f;
    if (where == IN_WEIGHTS) {
      value = w.get(index);
    } else if (where == IN_HALVES) {
      // The arena counts halves; which half of an int it is, is the lowest bit.
      int bits = (t.get(index >> 1) >> ((index & 1) * 16)) & 0xFFFF;
      value = m.get(decode + bits);
    } else {
      value = m.get(index);
    }
    return value;
  }

  /** (matrix, decode, out): a matrix of half floats as floats. */
  static void widen(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      m.set(t.get(d + 4) + i, element(IN_HALVES, t.get(d + 2) + i, t.get(d + 3), t, m, w));
    }
  }

  /** (where, table, decode, ids, addend, y): y[i] = table[ids[i]] + addend[i]. */
  static void gather(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + 1);
      int id = n.get(t.get(d + 5) + i / cols);
      int addend = t.get(d + 6);
      float y = addend < 0 ? 0f : m.get(addend + i);
      if (id >= 0) {
        y += element(t.get(d + 2), t.get(d + 3) + id * cols + i % cols, t.get(d + 4), t, m, w);
      }
      m.set(t.get(d + 7) + i, y);
    }
  }

  /** (dy, unique, starts, order, table): table[unique[u]] += Σ dy[order[j]]. */
  static void scatterAdd(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + 1);
      int u = i / cols;
      int col = i % cols;
      int starts = t.get(d + 4);
      float sum = 0f;
      for (int j = n.get(starts + u); j < n.get(starts + u + 1); j++) {
        sum += m.get(t.get(d + 2) + n.get(t.get(d + 5) + j) * cols + col);
      }
      int at = t.get(d + 6) + n.get(t.get(d + 3) + u) * cols + col;
      m.set(at, m.get(at) + sum);
    }
  }

  /** (x, ranges, y): the mean of each range of rows. */
  static void rangeMean(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + 1);
      int range = t.get(d + 3) + 2 * (i / cols);
      int first = n.get(range);
      int length = n.get(range + 1);
      float sum = 0f;
      for (int r = first; r < first + length; r++) {
        sum += m.get(t.get(d + 2) + r * cols + i % cols);
      }
      m.set(t.get(d + 4) + i, length == 0 ? 0f : sum / length);
    }
  }

  /** (dy, ranges, dx): dx += dy / length on the rows of each range. */
  static void rangeMeanGrad(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int cols = t.get(d + 1);
      int range = t.get(d + 3) + 2 * (i / cols);
      int first = n.get(range);
      int length = n.get(range + 1);
      float share = m.get(t.get(d + 2) + i) / length;
      for (int r = first; r < first + length; r++) {
        int at = t.get(d + 4) + r * cols + i % cols;
        m.set(at, m.get(at) + share);
      }
    }
  }

  /** (x, its columns, its first column, y, its columns, its first column): a block of columns. */
  static void columns(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int row = i / t.get(d + 1);
      int col = i % t.get(d + 1);
      m.set(t.get(d + 5) + row * t.get(d + 6) + t.get(d + 7) + col, m.get(t.get(d + 2) + row * t.get(d + 3) + t.get(d + 4) + col));
    }
  }

  /** (x, columns of x, spans, nothing, y): y[i, j] = x[first + j, column]. */
  static void spread(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int most = t.get(d + 1);
      int span = t.get(d + 4) + 3 * (i / most);
      int j = i % most;
      boolean inside = j < n.get(span + 1);
      int from = inside ? t.get(d + 2) + (n.get(span) + j) * t.get(d + 3) + n.get(span + 2) : t.get(d + 5);
      m.set(t.get(d + 6) + i, m.get(from));
    }
  }

  /** (dy, columns of dx, spans, dx): dx[first + j, column] = dy[i, j]. */
  static void collect(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int most = t.get(d + 1);
      int span = t.get(d + 4) + 3 * (i / most);
      int j = i % most;
      if (j < n.get(span + 1)) {
        m.set(t.get(d + 5) + (n.get(span) + j) * t.get(d + 3) + n.get(span + 2), m.get(t.get(d + 2) + i));
      }
    }
  }

  /** (x, channels, indices, y): y[o, c·taps + k] = x[indices[o, k], c]; the columns are channels · taps. */
  static void unfold(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int channels = t.get(d + 3);
      int taps = t.get(d + 1) / channels;
      int row = i / t.get(d + 1);
      int col = i % t.get(d + 1);
      int source = n.get(t.get(d + 4) + row * taps + col % taps);
      m.set(t.get(d + 5) + i, source < 0 ? 0f : m.get(t.get(d + 2) + source * channels + col / taps));
    }
  }

  /** (dy, taps, inverse, dx): dx[i, c] = Σ dy[inverse[i, k], c·taps + k]; the columns are channels. */
  static void fold(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int channels = t.get(d + 1);
      int taps = t.get(d + 3);
      int row = i / channels;
      int channel = i % channels;
      float sum = 0f;
      for (int k = 0; k < taps; k++) {
        int source = n.get(t.get(d + 4) + row * taps + k);
        sum += source < 0 ? 0f : m.get(t.get(d + 2) + (source * channels + channel) * taps + k);
      }
      m.set(t.get(d + 5) + i, sum);
    }
  }

  /** (x, positions, table, heads, sign, y) with the columns halved: turns a pair of elements; sign −1 turns back. */
  static void rope(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    if (i < Elements.count(d, t, n)) {
      int pairs = t.get(d + 1);
      int half = pairs / t.get(d + 5);
      int row = i / pairs;
      int head = i % pairs / half;
      int j = i % half;
      int angles = t.get(d + 4) + n.get(t.get(d + 3) + row) * 2 * half + j;
      float c = m.get(angles);
      float s = m.get(angles + half) * m.get(t.get(d + 6));
      int at = row * 2 * pairs + head * 2 * half + j;
      float first = m.get(t.get(d + 2) + at);
      float second = m.get(t.get(d + 2) + at + half);
      m.set(t.get(d + 7) + at, first * c - second * s);
      m.set(t.get(d + 7) + at + half, second * c + first * s);
    }
  }
}
