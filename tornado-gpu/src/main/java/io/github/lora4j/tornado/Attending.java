package io.github.lora4j.tornado;

import io.github.lora4j.tornado.Descriptors.Heads;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Bodies of the attention kernels (Dao et al. 2022, in F32): a group of {@link Product#LANES} threads for 64 rows of a head and 64 of its
 * columns, which walks over the rows of the other side in tiles of 64. Scores are a product like {@link Product}'s, 16 columns of the head at
 * a time; they lie in local memory, a row for each of the other side's, and become the left operand of a second product. The score matrix is
 * never stored: forward keeps a running maximum and sum (Milakov and Gimelshein 2018), backward makes probabilities again from lse. Every
 * element of every result is written by one thread, in one order.
 *
 * <p>Forward and the gradients of queries have query rows as the group's own and key rows as the other side; the gradients of keys and of
 * values the other way round. What a query sees, and the other side's rows that a block of 64 needs, the host works out ({@link
 * SegmentMap}).
 */
final class Attending {

  /** Rows of both sides that a group works on at a time. */
  static final int BLOCK = Product.TILE;
  /** Below any score. */
  static final float NONE = -1e30f;

  /** Places in local memory, behind two operands of 16 steps: scores and what becomes of them, and a number for each row. */
  static final int SCORES = Product.LOCAL;
  static final int STATS = SCORES + BLOCK * Product.PITCH;
  /** Floats of local memory: less than the 32 KB that every device has. */
  static final int LOCAL = STATS + BLOCK;

  /** Ints of {@code at}: what a thread needs to know of its group. */
  static final int FIELDS = 16;
  static final int FROM = 0;
  static final int TO = 1;
  static final int COLUMNS = 2;
  static final int HEAD_TURNS = 3;
  static final int PASSES = 4;
  /** Rows of the other side that a tile's second product takes: none where delta is wanted. */
  static final int VALUE_ROWS = 14;
  private static final int ROW = 5;
  private static final int ROWS = 6;
  private static final int HEAD = 7;
  private static final int CHUNK = 8;
  private static final int OTHER_HEAD = 9;
  private static final int LANE = 10;
  private static final int ALL_HEADS = 11;
  private static final int ALL_OTHER_HEADS = 12;
  private static final int WANTS_DELTA = 13;

  private Attending() {}

  private static int chunks(int size) {
    return (size + BLOCK - 1) / BLOCK;
  }

  /** Groups for so many own rows. */
  static int groups(int rows, int heads, int size, boolean delta) {
    return (rows + BLOCK - 1) / BLOCK * heads * (delta ? 1 : chunks(size));
  }

  /** Fills {@code at}. */
  static void begin(int lane, int group, int d, IntArray t, IntArray n, int[] at) {
    int heads = t.get(d + Heads.HEADS);
    int chunks = t.get(d + Heads.VALUES) < 0 ? 1 : chunks(t.get(d + Heads.SIZE));
    int block = group / chunks / heads;
    at[LANE] = lane;
    at[CHUNK] = group % chunks * BLOCK;
    at[HEAD] = group / chunks % heads;
    at[ROW] = block * BLOCK;
    at[ROWS] = n.get(t.get(d + Heads.COUNT));
    at[COLUMNS] = t.get(d + Heads.SIZE);
    at[HEAD_TURNS] = t.get(d + Heads.TURNS);
    at[PASSES] = t.get(d + Heads.OWN_SECOND) < 0 ? 1 : 2;
    at[OTHER_HEAD] = at[HEAD] * t.get(d + Heads.TIMES) / t.get(d + Heads.PARTS);
    at[ALL_HEADS] = heads;
    at[ALL_OTHER_HEADS] = t.get(d + Heads.OTHER_HEADS);
    at[WANTS_DELTA] = t.get(d + Heads.VALUES) < 0 ? 1 : 0;
    at[VALUE_ROWS] = t.get(d + Heads.VALUES) < 0 ? 0 : BLOCK;
    at[FROM] = 0;
    at[TO] = 0;
    if (at[ROW] < at[ROWS]) {
      at[FROM] = n.get(t.get(d + Heads.RANGES) + 2 * block);
      at[TO] = n.get(t.get(d + Heads.RANGES) + 2 * block + 1);
    }
  }

  /** Place in local memory of the first element that a thread loads for scores, own or (16 rows on) other; the next are 8 elements on. */
  static int loaded(int lane) {
    return lane % Product.DEPTH * Product.PITCH + lane / Product.DEPTH;
  }

  /** Place in local memory of the first of the values that a thread loads; the next are two rows on. */
  static int loadedValues(int lane) {
    return lane / BLOCK * Product.PITCH + lane % BLOCK;
  }

  /** Place in local memory of a thread's first score: four columns of eight. */
  static int scores(int lane) {
    return SCORES + lane % 16 * 4 * Product.PITCH + Product.left(lane);
  }

  /** The first of the other side's rows of a tile that a thread goes through for its own row; it takes half a tile. */
  static int half(int lane) {
    return lane / BLOCK * (BLOCK / 2);
  }

  /** Reads a thread's elements of both operands of the scores, 16 columns of the head from {@code column} on; of the first or second pass. */
  static void fetch(int pass, int turn, int from, int column, int d, IntArray t, int[] at, FloatArray m, float[] ahead) {
    int own = t.get(d + (pass == 0 ? Heads.OWN : Heads.OWN_SECOND));
    int other = t.get(d + (pass == 0 ? Heads.OTHER : Heads.OTHER_SECOND));
    int c = column + at[LANE] % Product.DEPTH;
    int row = at[ROW] + at[LANE] / Product.DEPTH;
    int otherRow = from + at[LANE] / Product.DEPTH;
    int ownAt = own + (row * at[ALL_HEADS] + at[HEAD]) * at[COLUMNS] + c;
    int otherAt = other + (otherRow * at[ALL_OTHER_HEADS] + at[OTHER_HEAD] + turn) * at[COLUMNS] + c;
    for (int q = 0; q < Product.LOADS; q++) {
      float value = 0f;
      if (c < at[COLUMNS] && row + 8 * q < at[ROWS]) {
        value = m.get(ownAt + 8 * q * at[ALL_HEADS] * at[COLUMNS]);
      }
      ahead[q] = value;
      float second = 0f;
      if (c < at[COLUMNS] && otherRow + 8 * q < at[TO]) {
        second = m.get(otherAt + 8 * q * at[ALL_OTHER_HEADS] * at[COLUMNS]);
      }
      ahead[Product.LOADS + q] = second;
    }
  }

  /** Reads a thread's elements of 16 rows of the values from {@code from} on. */
  static void fetchValues(int turn, int from, int d, IntArray t, int[] at, FloatArray m, float[] ahead) {
    int row = from + at[LANE] / BLOCK;
    int column = at[CHUNK] + at[LANE] % BLOCK;
    int first = t.get(d + Heads.VALUES) + (row * at[ALL_OTHER_HEADS] + at[OTHER_HEAD] + turn) * at[COLUMNS] + column;
    for (int q = 0; q < Product.LOADS; q++) {
      float value = 0f;
      if (column < at[COLUMNS] && row + 2 * q < at[TO]) {
        value = m.get(first + 2 * q * at[ALL_OTHER_HEADS] * at[COLUMNS]);
      }
      ahead[q] = value;
    }
  }

  /** The factor of scores. */
  static float scale(int d, IntArray t, FloatArray m) {
    return m.get(t.get(d + Heads.SCALE));
  }

  /** cap·tanh(s/cap); {@code cap} is a number's place, −1: the score stays. */
  static float capped(float score, int cap, FloatArray m) {
    float s = score;
    if (cap >= 0) {
      s = m.get(cap) * Elements.hyperbolicTangent(score / m.get(cap));
    }
    return s;
  }

  /** What is added to the score of a query and a key. */
  private static float bias(int query, int key, int head, int heads, int d, IntArray t, IntArray n, FloatArray m) {
    int middle = t.get(d + Heads.BIAS);
    float bias = 0f;
    if (middle >= 0) {
      bias = m.get(middle + (key - n.get(t.get(d + Heads.DIAGONAL) + query)) * heads + head);
    }
    return bias;
  }

  /**
   * What the score of a query and a key has of vectors by distance. Their products with every query and every key, for all distances, lie in two
   * tables, of whose rows {@code queryTerms} and {@code keyTerms} are the middle of the first; −1: there is none.
   */
  static float terms(int queryTerms, int keyTerms, int distances, int query, int key, int distance, int head, int heads, FloatArray m) {
    float terms = 0f;
    if (queryTerms >= 0) {
      terms = m.get(queryTerms + (query * heads + head) * distances + distance);
    }
    if (keyTerms >= 0) {
      terms += m.get(keyTerms + (key * heads + head) * distances + distance);
    }
    return terms;
  }

  private static float terms(int query, int key, int head, int heads, int d, IntArray t, IntArray n, FloatArray m) {
    float terms = 0f;
    if (t.get(d + Heads.DISTANCES) > 0) {
      terms = terms(t.get(d + Heads.QUERY_TERMS), t.get(d + Heads.KEY_TERMS), t.get(d + Heads.DISTANCES), query, key,
          key - n.get(t.get(d + Heads.DIAGONAL) + query), head, heads, m);
    }
    return terms;
  }

  /** Puts a score's gradient, with the scale, at the places of its terms in tables like those of the terms, where such are wanted. */
  private static void spread(float weight, int query, int key, int head, int heads, int d, IntArray t, IntArray n, FloatArray m) {
    int distance = key - n.get(t.get(d + Heads.DIAGONAL) + query);
    if (t.get(d + Heads.QUERY_GRADS) >= 0) {
      m.set(t.get(d + Heads.QUERY_GRADS) + (query * heads + head) * t.get(d + Heads.DISTANCES) + distance, weight);
    }
    if (t.get(d + Heads.KEY_GRADS) >= 0) {
      m.set(t.get(d + Heads.KEY_GRADS) + (key * heads + head) * t.get(d + Heads.DISTANCES) + distance, weight);
    }
  }

  /** The score of this lane's query row and a key, of their product. */
  static float score(float product, float scale, int key, int d, IntArray t, IntArray n, int[] at, FloatArray m) {
    float terms = terms(at[ROW] + at[LANE], key, at[HEAD], at[ALL_HEADS], d, t, n, m);
    return capped(scale * product + terms, t.get(d + Heads.CAP), m) + bias(at[ROW] + at[LANE], key, at[HEAD], at[ALL_HEADS], d, t, n, m);
  }

  /** Of the tile from {@code from} on, the first key that the query of this lane sees, or the one after its last. */
  static int seen(boolean last, int from, int d, IntArray t, IntArray n, int[] at) {
    int row = at[ROW] + at[LANE];
    int seen = 0;
    if (row < at[ROWS]) {
      seen = n.get(t.get(d + (last ? Heads.HIGH : Heads.LOW)) + row) - from;
      seen = seen < 0 ? 0 : seen;
      seen = seen > BLOCK ? BLOCK : seen;
    }
    return seen;
  }

  /** Multiplies the sums of a thread's rows by what the rows shrink. */
  static void shrink(float[] sums, float f0, float f1, float f2, float f3, float f4, float f5, float f6, float f7) {
    four(0, sums, f0);
    four(4, sums, f1);
    four(8, sums, f2);
    four(12, sums, f3);
    four(16, sums, f4);
    four(20, sums, f5);
    four(24, sums, f6);
    four(28, sums, f7);
  }

  private static void four(int i, float[] sums, float factor) {
    sums[i] *= factor;
    sums[i + 1] *= factor;
    sums[i + 2] *= factor;
    sums[i + 3] *= factor;
  }

  /** Writes the logarithm of a query row's sum; by the threads of the first columns. */
  static void writeLse(float max, float sum, int d, IntArray t, int[] at, FloatArray m) {
    int row = at[ROW] + at[LANE];
    if (row < at[ROWS] && at[CHUNK] == 0) {
      m.set(t.get(d + Heads.LSE) + row * at[ALL_HEADS] + at[HEAD], sum > 0f ? max + TornadoMath.log(sum) : NONE + sum);
    }
  }

  /** What a query row's sums are divided by, so that one that sees nothing gets zeros. */
  static float inverse(float sum) {
    return sum > 0f ? 1f / sum : sum;
  }

  /** Place of a query's number among those of all rows and heads. */
  private static int place(int query, int turn, int byQuery, int[] at) {
    return byQuery == 1 ? query * at[ALL_HEADS] + at[HEAD] : query * at[ALL_OTHER_HEADS] + at[OTHER_HEAD] + turn;
  }

  private static int head(int turn, int byQuery, int[] at) {
    return byQuery == 1 ? at[HEAD] : at[OTHER_HEAD] + turn;
  }

  private static int queryHeads(int byQuery, int[] at) {
    return byQuery == 1 ? at[ALL_HEADS] : at[ALL_OTHER_HEADS];
  }

  /** The probability that a score stands for, 0 where the query does not see the key; of an own row of the block and one of the other side. */
  static float probability(float score, float scale, int ownRow, int other, int turn, int d, IntArray t, IntArray n, int[] at, FloatArray m) {
    int own = at[ROW] + ownRow;
    float p = 0f;
    if (own < at[ROWS] && other < at[TO]) {
      int byQuery = t.get(d + Heads.BY_QUERY);
      int query = byQuery == 1 ? own : other;
      int key = byQuery == 1 ? other : own;
      if (key >= n.get(t.get(d + Heads.LOW) + query) && key < n.get(t.get(d + Heads.HIGH) + query)) {
        float terms = terms(query, key, head(turn, byQuery, at), queryHeads(byQuery, at), d, t, n, m);
        p = TornadoMath.exp(capped(scale * score + terms, t.get(d + Heads.CAP), m) + bias(query, key, head(turn, byQuery, at),
            queryHeads(byQuery, at), d, t, n, m) - m.get(t.get(d + Heads.LSE) + place(query, turn, byQuery, at)));
      }
    }
    return p;
  }

  /**
   * What becomes of a probability once the second product is known, dout·v: the gradient of its score, p·(dout·v − delta)·scale (and the cap's slope,
   * 1 − (score/cap)², of the score that p stands for), or, where
   * delta is wanted, its term, p·(dout·v). Of the thread's row {@code e} and its first column's tile row {@code from} and so on.
   */
  static float weight(float p, float second, float scale, int e, int from, int turn, int d, IntArray t, IntArray n, int[] at, FloatArray m) {
    float weight = p * second;
    if (p != 0f && at[WANTS_DELTA] == 0) {
      int byQuery = t.get(d + Heads.BY_QUERY);
      int own = at[ROW] + Product.left(at[LANE]) + e;
      int other = from + at[LANE] % 16 * 4;
      int query = byQuery == 1 ? own : other;
      int key = byQuery == 1 ? other : own;
      int place = place(query, turn, byQuery, at);
      weight = p * (second - m.get(t.get(d + Heads.DELTA) + place)) * scale;
      if (t.get(d + Heads.CAP) >= 0) {
        float score = TornadoMath.log(p) + m.get(t.get(d + Heads.LSE) + place)
            - bias(query, key, head(turn, byQuery, at), queryHeads(byQuery, at), d, t, n, m);
        float part = score / m.get(t.get(d + Heads.CAP));
        weight *= 1f - part * part;
      }
      spread(weight, query, key, head(turn, byQuery, at), queryHeads(byQuery, at), d, t, n, m);
    }
    return weight;
  }

  /** Writes delta of a query row: Σ p·(dout·v) / Σ p, the mean that each score's gradient is counted from. */
  static void writeDelta(float terms, float total, int d, IntArray t, int[] at, FloatArray m) {
    int row = at[ROW] + at[LANE];
    if (row < at[ROWS]) {
      m.set(t.get(d + Heads.DELTA) + row * at[ALL_HEADS] + at[HEAD], total > 0f ? terms / total : terms);
    }
  }

  /** Whether the group makes delta and no product. */
  static boolean wantsDelta(int[] at) {
    return at[WANTS_DELTA] == 1;
  }

  /** Writes a thread's sums of its row p. */
  static void store(int p, int d, IntArray t, int[] at, FloatArray m, float s0, float s1, float s2, float s3) {
    int row = at[ROW] + Product.left(at[LANE]) + p;
    int column = at[CHUNK] + at[LANE] % 16 * 4;
    int first = t.get(d + Heads.OUT) + (row * at[ALL_HEADS] + at[HEAD]) * at[COLUMNS] + column;
    if (row < at[ROWS]) {
      put(column, first, s0, at, m);
      put(column + 1, first + 1, s1, at, m);
      put(column + 2, first + 2, s2, at, m);
      put(column + 3, first + 3, s3, at, m);
    }
  }

  private static void put(int column, int to, float sum, int[] at, FloatArray m) {
    if (column < at[COLUMNS]) {
      m.set(to, sum);
    }
  }
}
