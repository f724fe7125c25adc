package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The matrix product in every orientation: out[m, n] = alpha·Σₖ a[m, k]·b[k, n] + bias[n] + addend[m, n] (+ out[m, n]). A group of 256
 * threads makes a tile of 64 x 64, a thread 4 x 4 of it in registers; 16 steps of k of both operands lie in local memory at a time.
 * Operands are described by strides, one of which is 1; threads that load are laid out along it, so that neighbours read neighbours.
 */
final class Product {

  /** Threads of a group. */
  static final int LANES = 256;
  /** Rows and columns of a tile. */
  static final int TILE = 64;
  /** Steps of k in local memory. */
  static final int DEPTH = 16;

  /** One more than a tile's width, so that a column's elements lie in different banks. */
  private static final int PITCH = TILE + 1;
  /** Floats of local memory. */
  static final int LOCAL = 2 * DEPTH * PITCH;

  /** Fields of a descriptor, after the places of the counts m, n, k at 0, 1 and 2. */
  private static final int A = 3;
  private static final int A_ROW = 4;
  private static final int A_K = 5;
  private static final int WHERE = 6;
  private static final int B = 7;
  private static final int DECODE = 8;
  private static final int B_K = 9;
  private static final int B_COL = 10;
  private static final int BIAS = 11;
  private static final int ADDEND = 12;
  private static final int ALPHA = 13;
  private static final int ADD = 14;
  private static final int PIECE = 15;
  private static final int PARTIAL = 16;
  private static final int OUT = 17;
  private static final int WIDTH = 18;

  private Product() {}

  /** Steps of k that a group makes; with pieces, each group sums one piece of k into a matrix of its own, {@code PARTIAL} floats apart. */
  private static int length(int group, int d, IntArray t, IntArray n) {
    int k = n.get(t.get(d + 2));
    int piece = t.get(d + PIECE);
    int rest = k - group / tiles(d, t, n) * piece;
    return piece == 0 ? k : rest < piece ? rest : piece;
  }

  /** Times that {@link #load} and {@link #multiply} follow each other. */
  static int turns(int group, int d, IntArray t, IntArray n) {
    return (length(group, d, t, n) + DEPTH - 1) / DEPTH;
  }

  private static int tilesOf(int count) {
    return (count + TILE - 1) / TILE;
  }

  /** Tiles of the result, at least 1 for it divides. */
  private static int tiles(int d, IntArray t, IntArray n) {
    int tiles = tilesOf(n.get(t.get(d))) * tilesOf(n.get(t.get(d + 1)));
    return tiles < 1 ? 1 : tiles;
  }

  private static int firstRow(int group, int d, IntArray t, IntArray n) {
    int across = tilesOf(n.get(t.get(d + 1)));
    return across < 1 ? 0 : group % tiles(d, t, n) / across * TILE;
  }

  private static int firstColumn(int group, int d, IntArray t, IntArray n) {
    int across = tilesOf(n.get(t.get(d + 1)));
    return across < 1 ? 0 : group % tiles(d, t, n) % across * TILE;
  }

  /** Before the first turn. */
  static void clear(float[] sums) {
    sums[0] = 0f;
    sums[1] = 0f;
    sums[2] = 0f;
    sums[3] = 0f;
    sums[4] = 0f;
    sums[5] = 0f;
    sums[6] = 0f;
    sums[7] = 0f;
    sums[8] = 0f;
    sums[9] = 0f;
    sums[10] = 0f;
    sums[11] = 0f;
    sums[12] = 0f;
    sums[13] = 0f;
    sums[14] = 0f;
    sums[15] = 0f;
  }

  /** Copies 16 steps of k of both operands to local memory, zeros beyond their ends. */
  static void load(int turn, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w, float[] local) {
    int rows = n.get(t.get(d));
    int cols = n.get(t.get(d + 1));
    int start = group / tiles(d, t, n) * t.get(d + PIECE);
    int from = turn * DEPTH;
    int end = length(group, d, t, n);
    int firstRow = firstRow(group, d, t, n);
    int firstColumn = firstColumn(group, d, t, n);
    boolean aAlongK = t.get(d + A_K) == 1;
    boolean bAlongK = t.get(d + B_K) == 1;
    for (int q = 0; q < 4; q++) {
      int e = q * LANES + lane;
      int k = aAlongK ? e % DEPTH : e / TILE;
      int r = aAlongK ? e / DEPTH : e % TILE;
      float value = 0f;
      if (firstRow + r < rows && from + k < end) {
        value = m.get(t.get(d + A) + (firstRow + r) * t.get(d + A_ROW) + (start + from + k) * t.get(d + A_K));
      }
      local[k * PITCH + r] = value;
    }
    for (int q = 0; q < 4; q++) {
      int e = q * LANES + lane;
      int k = bAlongK ? e % DEPTH : e / TILE;
      int c = bAlongK ? e / DEPTH : e % TILE;
      float value = 0f;
      if (firstColumn + c < cols && from + k < end) {
        int at = t.get(d + B) + (start + from + k) * t.get(d + B_K) + (firstColumn + c) * t.get(d + B_COL);
        value = Moves.element(t.get(d + WHERE), at, t.get(d + DECODE), t, m, w);
      }
      local[(DEPTH + k) * PITCH + c] = value;
    }
  }

  /** Adds 16 steps of k to a thread's sums: rows lane/16 + 16p, columns lane%16 + 16q. */
  static void multiply(int lane, float[] local, float[] sums) {
    int row = lane / 16;
    int col = DEPTH * PITCH + lane % 16;
    for (int k = 0; k < DEPTH; k++) {
      float a0 = local[row];
      float a1 = local[row + 16];
      float a2 = local[row + 32];
      float a3 = local[row + 48];
      float b0 = local[col];
      float b1 = local[col + 16];
      float b2 = local[col + 32];
      float b3 = local[col + 48];
      sums[0] += a0 * b0;
      sums[1] += a0 * b1;
      sums[2] += a0 * b2;
      sums[3] += a0 * b3;
      sums[4] += a1 * b0;
      sums[5] += a1 * b1;
      sums[6] += a1 * b2;
      sums[7] += a1 * b3;
      sums[8] += a2 * b0;
      sums[9] += a2 * b1;
      sums[10] += a2 * b2;
      sums[11] += a2 * b3;
      sums[12] += a3 * b0;
      sums[13] += a3 * b1;
      sums[14] += a3 * b2;
      sums[15] += a3 * b3;
      row += PITCH;
      col += PITCH;
    }
  }

  /**
   * Writes four of a thread's sums, which lie {@code down} rows below its first. They come each by its name, for only elements at constant
   * places of a private array live in registers.
   */
  static void store(int down, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float s0, float s1, float s2, float s3) {
    int row = firstRow(group, d, t, n) + lane / 16 + down;
    int col = firstColumn(group, d, t, n) + lane % 16;
    int out = t.get(d + OUT) + group / tiles(d, t, n) * t.get(d + PARTIAL);
    put(s0, row, col, d, out, t, n, m);
    put(s1, row, col + 16, d, out, t, n, m);
    put(s2, row, col + 32, d, out, t, n, m);
    put(s3, row, col + 48, d, out, t, n, m);
  }

  private static void put(float sum, int row, int col, int d, int out, IntArray t, IntArray n, FloatArray m) {
    if (row < n.get(t.get(d)) && col < n.get(t.get(d + 1))) {
      int width = t.get(d + WIDTH);
      int bias = t.get(d + BIAS);
      int addend = t.get(d + ADDEND);
      float value = m.get(t.get(d + ALPHA)) * sum;
      if (bias >= 0) {
        value += m.get(bias + col);
      }
      if (addend >= 0) {
        value += m.get(addend + row * width + col);
      }
      int at = out + row * width + col;
      if (t.get(d + ADD) == 1) {
        value += m.get(at);
      }
      m.set(at, value);
    }
  }
}
