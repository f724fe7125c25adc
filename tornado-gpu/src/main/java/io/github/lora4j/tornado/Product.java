package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.Matrices;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The matrix product in every orientation: out[m, n] = alpha·Σₖ a[m, k]·b[k, n] + bias[n] + addend[m, n] (+ out[m, n]). A group of 128
 * threads makes a tile of 64 x 64, a thread 8 x 4 of it in registers; 16 steps of k of both operands lie in local memory at a time, while
 * each thread reads its part of the next 16 into registers. Operands are described by strides, one of which is 1; threads that load are
 * laid out along it, so that neighbours read neighbours.
 *
 * <p>What a thread needs to know lies in an array of its own, {@code at}: the descriptor would be read anew in each turn. Only the callers
 * touch local memory, see {@link TileLaunches}.
 */
final class Product {

  /** Threads of a group. */
  static final int LANES = 128;
  /** Rows and columns of a tile. */
  static final int TILE = 64;
  /** Steps of k in local memory. */
  static final int DEPTH = 16;

  /** More than a tile's width, so that a column's elements lie in different banks; a multiple of 4, so that four are read at once. */
  static final int PITCH = TILE + 4;
  /** Floats of local memory: the left operand's, then the right one's. */
  static final int LOCAL = 2 * DEPTH * PITCH;
  /** Elements of each operand that a thread reads in a turn. */
  static final int LOADS = TILE * DEPTH / LANES;
  /** Sums of a thread. */
  static final int SUMS = 32;

  /** Rows and columns of a thread; 16 threads make a tile's width. */
  static final int ROWS = 8;
  private static final int COLS = 4;

  /** Ints of {@code at}. */
  static final int FIELDS = 29;
  /** Turns of the group. */
  static final int TURNS = 0;
  /** Of the left operand: place in local memory of the first element that the thread loads, and from one to the next. */
  static final int A_LOCAL = 1;
  static final int A_LOCAL_STEP = 2;
  /** Of the right operand. */
  static final int B_LOCAL = 3;
  static final int B_LOCAL_STEP = 4;
  /** Steps of k, and then for each operand: rows or columns from the thread's first on, its first step of k, both from one element to the
   * next; place of the first element, from one to the next, and from turn to turn. */
  private static final int END = 5;
  private static final int LEFT = 6;
  private static final int RIGHT = 13;
  private static final int REST = 0;
  private static final int FIRST_K = 1;
  private static final int STEP = 2;
  private static final int K_STEP = 3;
  private static final int FROM = 4;
  private static final int NEXT = 5;
  private static final int TURN = 6;
  private static final int RIGHT_WHERE = 20;
  private static final int RIGHT_DECODE = 21;
  /** Of the result: rows and columns from the thread's first on, place of its first element, from row to row; places of its bias and addend
   * or less than 0; whether what lies there is added. */
  private static final int OUT_ROWS = 22;
  private static final int OUT_COLS = 23;
  private static final int OUT_FROM = 24;
  private static final int OUT_NEXT = 25;
  private static final int OUT_BIAS = 26;
  private static final int OUT_ADDEND = 27;
  private static final int OUT_ADD = 28;

  private Product() {}

  private static int tilesOf(int count) {
    return (count + TILE - 1) / TILE;
  }

  /** Tiles of the result, at least 1 for it divides. */
  private static int tiles(int d, IntArray t, IntArray n) {
    int tiles = tilesOf(n.get(t.get(d + Matrices.M))) * tilesOf(n.get(t.get(d + Matrices.N)));
    return tiles < 1 ? 1 : tiles;
  }

  private static int firstRow(int group, int d, IntArray t, IntArray n) {
    int across = tilesOf(n.get(t.get(d + Matrices.N)));
    return across < 1 ? 0 : group % tiles(d, t, n) / across * TILE;
  }

  private static int firstColumn(int group, int d, IntArray t, IntArray n) {
    int across = tilesOf(n.get(t.get(d + Matrices.N)));
    return across < 1 ? 0 : group % tiles(d, t, n) % across * TILE;
  }

  /** Fills {@code at}. With pieces, each group sums one piece of k into a matrix of its own, {@code PARTIAL} floats apart. */
  static void begin(int lane, int group, int d, IntArray t, IntArray n, int[] at) {
    int k = n.get(t.get(d + Matrices.K));
    int piece = t.get(d + Matrices.PIECE);
    int start = group / tiles(d, t, n) * piece;
    int rest = k - start;
    int end = piece == 0 ? k : rest < piece ? rest : piece;
    at[END] = end;
    at[TURNS] = (end + DEPTH - 1) / DEPTH;
    // Of an operand that lies along k, 16 threads read a row's 16 steps; of another, 64 threads read one step of 64 rows.
    boolean aAlongK = t.get(d + Matrices.A_K) == 1;
    int aRow = aAlongK ? lane / DEPTH : lane % TILE;
    int aK = aAlongK ? lane % DEPTH : lane / TILE;
    int aStep = aAlongK ? LANES / DEPTH : 0;
    int aKStep = aAlongK ? 0 : LANES / TILE;
    int firstRow = firstRow(group, d, t, n) + aRow;
    at[LEFT + REST] = n.get(t.get(d + Matrices.M)) - firstRow;
    at[LEFT + FIRST_K] = aK;
    at[LEFT + STEP] = aStep;
    at[LEFT + K_STEP] = aKStep;
    at[LEFT + FROM] = t.get(d + Matrices.A) + firstRow * t.get(d + Matrices.A_ROW) + (start + aK) * t.get(d + Matrices.A_K);
    at[LEFT + NEXT] = aStep * t.get(d + Matrices.A_ROW) + aKStep * t.get(d + Matrices.A_K);
    at[LEFT + TURN] = DEPTH * t.get(d + Matrices.A_K);
    at[A_LOCAL] = aK * PITCH + aRow;
    at[A_LOCAL_STEP] = aKStep * PITCH + aStep;
    boolean bAlongK = t.get(d + Matrices.B_K) == 1;
    int bCol = bAlongK ? lane / DEPTH : lane % TILE;
    int bK = bAlongK ? lane % DEPTH : lane / TILE;
    int bStep = bAlongK ? LANES / DEPTH : 0;
    int bKStep = bAlongK ? 0 : LANES / TILE;
    int firstColumn = firstColumn(group, d, t, n) + bCol;
    at[RIGHT + REST] = n.get(t.get(d + Matrices.N)) - firstColumn;
    at[RIGHT + FIRST_K] = bK;
    at[RIGHT + STEP] = bStep;
    at[RIGHT + K_STEP] = bKStep;
    at[RIGHT + FROM] = t.get(d + Matrices.B) + firstColumn * t.get(d + Matrices.B_COL) + (start + bK) * t.get(d + Matrices.B_K);
    at[RIGHT + NEXT] = bStep * t.get(d + Matrices.B_COL) + bKStep * t.get(d + Matrices.B_K);
    at[RIGHT + TURN] = DEPTH * t.get(d + Matrices.B_K);
    at[B_LOCAL] = (DEPTH + bK) * PITCH + bCol;
    at[B_LOCAL_STEP] = bKStep * PITCH + bStep;
    at[RIGHT_WHERE] = t.get(d + Matrices.WHERE);
    at[RIGHT_DECODE] = t.get(d + Matrices.DECODE);
  }

  /** After the last turn: fills what {@link #store} needs of {@code at}. */
  static void end(int lane, int group, int d, IntArray t, IntArray n, int[] at) {
    int row = firstRow(group, d, t, n) + left(lane);
    int col = firstColumn(group, d, t, n) + lane % 16 * COLS;
    int width = t.get(d + Matrices.WIDTH);
    at[OUT_ROWS] = n.get(t.get(d + Matrices.M)) - row;
    at[OUT_COLS] = n.get(t.get(d + Matrices.N)) - col;
    at[OUT_FROM] = t.get(d + Matrices.OUT) + group / tiles(d, t, n) * t.get(d + Matrices.PARTIAL) + row * width + col;
    at[OUT_NEXT] = width;
    at[OUT_BIAS] = t.get(d + Matrices.BIAS) < 0 ? -1 : t.get(d + Matrices.BIAS) + col;
    at[OUT_ADDEND] = t.get(d + Matrices.ADDEND) < 0 ? -1 : t.get(d + Matrices.ADDEND) + row * width + col;
    at[OUT_ADD] = t.get(d + Matrices.ADD);
  }

  /** Before the first turn. */
  static void clear(float[] sums) {
    for (int i = 0; i < SUMS; i++) {
      sums[i] = 0f;
    }
  }

  /** Reads a thread's elements of 16 steps of k, zeros beyond the ends: the left operand's first. */
  static void fetch(int turn, int[] at, IntArray t, FloatArray m, FloatArray w, float[] ahead) {
    for (int q = 0; q < LOADS; q++) {
      float value = 0f;
      if (q * at[LEFT + STEP] < at[LEFT + REST] && turn * DEPTH + at[LEFT + FIRST_K] + q * at[LEFT + K_STEP] < at[END]) {
        value = m.get(at[LEFT + FROM] + turn * at[LEFT + TURN] + q * at[LEFT + NEXT]);
      }
      ahead[q] = value;
    }
    for (int q = 0; q < LOADS; q++) {
      float value = 0f;
      if (q * at[RIGHT + STEP] < at[RIGHT + REST] && turn * DEPTH + at[RIGHT + FIRST_K] + q * at[RIGHT + K_STEP] < at[END]) {
        value = Moves.element(at[RIGHT_WHERE], at[RIGHT + FROM] + turn * at[RIGHT + TURN] + q * at[RIGHT + NEXT], at[RIGHT_DECODE], t, m, w);
      }
      ahead[LOADS + q] = value;
    }
  }

  /** Place in local memory of a thread's first row of the left operand, at the first step of k. */
  static int left(int lane) {
    return lane / 16 * ROWS;
  }

  /** Place in local memory of a thread's first column of the right operand. */
  static int right(int lane) {
    return DEPTH * PITCH + lane % 16 * COLS;
  }

  /** Adds one step of k to a thread's sums. */
  static void multiply(float[] sums, float a0, float a1, float a2, float a3, float a4, float a5, float a6, float a7, float b0, float b1,
      float b2, float b3) {
    row(0, sums, a0, b0, b1, b2, b3);
    row(1, sums, a1, b0, b1, b2, b3);
    row(2, sums, a2, b0, b1, b2, b3);
    row(3, sums, a3, b0, b1, b2, b3);
    row(4, sums, a4, b0, b1, b2, b3);
    row(5, sums, a5, b0, b1, b2, b3);
    row(6, sums, a6, b0, b1, b2, b3);
    row(7, sums, a7, b0, b1, b2, b3);
  }

  private static void row(int p, float[] sums, float a, float b0, float b1, float b2, float b3) {
    sums[4 * p] += a * b0;
    sums[4 * p + 1] += a * b1;
    sums[4 * p + 2] += a * b2;
    sums[4 * p + 3] += a * b3;
  }

  /** Writes a thread's sums of its row p. */
  static void store(int p, int[] at, float alpha, FloatArray m, float s0, float s1, float s2, float s3) {
    if (p < at[OUT_ROWS]) {
      put(p, 0, at, alpha * s0, m);
      put(p, 1, at, alpha * s1, m);
      put(p, 2, at, alpha * s2, m);
      put(p, 3, at, alpha * s3, m);
    }
  }

  /** The factor of the product. */
  static float alpha(int d, IntArray t, FloatArray m) {
    return m.get(t.get(d + Matrices.ALPHA));
  }

  private static void put(int p, int q, int[] at, float sum, FloatArray m) {
    if (q < at[OUT_COLS]) {
      float value = sum;
      if (at[OUT_BIAS] >= 0) {
        value += m.get(at[OUT_BIAS] + q);
      }
      if (at[OUT_ADDEND] >= 0) {
        value += m.get(at[OUT_ADDEND] + p * at[OUT_NEXT] + q);
      }
      int to = at[OUT_FROM] + p * at[OUT_NEXT] + q;
      if (at[OUT_ADD] == 1) {
        value += m.get(to);
      }
      m.set(to, value);
    }
  }
}
