package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The kernels that keep tiles in local memory, as the device runs them; {@link PlainTiles} are the same for plain Java. Local memory is used here
 * alone and in no method that is called, see {@link Launches}.
 *
 * <p>Threads wait for each other in straight lines and in loops, never under a condition, also where that is the same for all: PoCL compiles
 * such conditions wrongly.
 */
final class TileLaunches {

  private TileLaunches() {}

  static void productLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(Product.LOCAL);
    float[] sums = new float[Product.SUMS];
    float[] ahead = new float[2 * Product.LOADS];
    int[] at = new int[Product.FIELDS];
    int d = cursor.get(0) + place.get(0);
    Product.begin(c.localIdx, c.groupIdx, d, t, n, at);
    Product.clear(sums);
    Product.fetch(0, at, t, m, w, ahead);
    for (int turn = 0; turn < at[Product.TURNS]; turn++) {
      for (int q = 0; q < Product.LOADS; q++) {
        local[at[Product.A_LOCAL] + q * at[Product.A_LOCAL_STEP]] = ahead[q];
        local[at[Product.B_LOCAL] + q * at[Product.B_LOCAL_STEP]] = ahead[Product.LOADS + q];
      }
      c.localBarrier();
      Product.fetch(turn + 1, at, t, m, w, ahead);
      int a = Product.left(c.localIdx);
      int b = Product.right(c.localIdx);
      for (int k = 0; k < Product.DEPTH; k++) {
        Product.multiply(sums, local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6], local[a + 7],
            local[b], local[b + 1], local[b + 2], local[b + 3]);
        a += Product.PITCH;
        b += Product.PITCH;
      }
      c.localBarrier();
    }
    Product.end(c.localIdx, c.groupIdx, d, t, n, at);
    float alpha = Product.alpha(d, t, m);
    // Each by its name, for only elements at constant places of a private array live in registers.
    Product.store(0, at, alpha, m, sums[0], sums[1], sums[2], sums[3]);
    Product.store(1, at, alpha, m, sums[4], sums[5], sums[6], sums[7]);
    Product.store(2, at, alpha, m, sums[8], sums[9], sums[10], sums[11]);
    Product.store(3, at, alpha, m, sums[12], sums[13], sums[14], sums[15]);
    Product.store(4, at, alpha, m, sums[16], sums[17], sums[18], sums[19]);
    Product.store(5, at, alpha, m, sums[20], sums[21], sums[22], sums[23]);
    Product.store(6, at, alpha, m, sums[24], sums[25], sums[26], sums[27]);
    Product.store(7, at, alpha, m, sums[28], sums[29], sums[30], sums[31]);
  }

  static void attentionLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(Attending.LOCAL);
    float[] s = new float[Product.SUMS];
    float[] out = new float[Product.SUMS];
    float[] ahead = new float[2 * Product.LOADS];
    int[] at = new int[Attending.FIELDS];
    int d = cursor.get(0) + place.get(0);
    int lane = c.localIdx;
    Attending.begin(lane, c.groupIdx, d, t, n, at);
    Product.clear(out);
    float scale = Attending.scale(d, t, m);
    float max = Attending.NONE;
    float sum = 0f;
    for (int from = at[Attending.FROM]; from < at[Attending.TO]; from += Attending.BLOCK) {
      Product.clear(s);
      for (int column = 0; column < at[Attending.COLUMNS]; column += Product.DEPTH) {
        Attending.fetch(0, 0, from, column, d, t, at, m, ahead);
        int to = Attending.loaded(lane);
        for (int q = 0; q < Product.LOADS; q++) {
          local[to + 8 * q] = ahead[q];
          local[to + 8 * q + Product.DEPTH * Product.PITCH] = ahead[Product.LOADS + q];
        }
        c.localBarrier();
        int a = Product.left(lane);
        int b = Product.right(lane);
        for (int k = 0; k < Product.DEPTH; k++) {
          Product.multiply(s, local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6],
              local[a + 7], local[b], local[b + 1], local[b + 2], local[b + 3]);
          a += Product.PITCH;
          b += Product.PITCH;
        }
        c.localBarrier();
      }
      int own = Attending.scores(lane);
      for (int e = 0; e < Product.ROWS; e++) {
        local[own + e] = s[4 * e];
        local[own + Product.PITCH + e] = s[4 * e + 1];
        local[own + 2 * Product.PITCH + e] = s[4 * e + 2];
        local[own + 3 * Product.PITCH + e] = s[4 * e + 3];
      }
      c.localBarrier();
      if (lane < Attending.BLOCK) {
        int first = Attending.seen(false, from, d, t, n, at);
        int last = Attending.seen(true, from, d, t, n, at);
        int score = Attending.SCORES + lane;
        float most = max;
        for (int j = first; j < last; j++) {
          float value = Attending.score(local[score + j * Product.PITCH], scale, from + j, d, t, n, at, m);
          local[score + j * Product.PITCH] = value;
          most = value > most ? value : most;
        }
        float shrink = TornadoMath.exp(max - most);
        sum *= shrink;
        for (int j = 0; j < Attending.BLOCK; j++) {
          float p = 0f;
          if (j >= first && j < last) {
            p = TornadoMath.exp(local[score + j * Product.PITCH] - most);
          }
          local[score + j * Product.PITCH] = p;
          sum += p;
        }
        max = most;
        local[Attending.STATS + lane] = shrink;
      }
      c.localBarrier();
      int row = Attending.STATS + Product.left(lane);
      Attending.shrink(out, local[row], local[row + 1], local[row + 2], local[row + 3], local[row + 4], local[row + 5], local[row + 6],
          local[row + 7]);
      for (int j = 0; j < Attending.BLOCK; j += Product.DEPTH) {
        Attending.fetchValues(0, from + j, d, t, at, m, ahead);
        int to = Attending.loadedValues(lane);
        for (int q = 0; q < Product.LOADS; q++) {
          local[to + 2 * q * Product.PITCH] = ahead[q];
        }
        c.localBarrier();
        int a = Attending.SCORES + j * Product.PITCH + Product.left(lane);
        int b = lane % 16 * 4;
        for (int k = 0; k < Product.DEPTH; k++) {
          Product.multiply(out, local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6],
              local[a + 7], local[b], local[b + 1], local[b + 2], local[b + 3]);
          a += Product.PITCH;
          b += Product.PITCH;
        }
        c.localBarrier();
      }
    }
    if (lane < Attending.BLOCK) {
      Attending.writeLse(max, sum, d, t, at, m);
      local[Attending.STATS + lane] = Attending.inverse(sum);
    }
    c.localBarrier();
    int row = Attending.STATS + Product.left(lane);
    Attending.shrink(out, local[row], local[row + 1], local[row + 2], local[row + 3], local[row + 4], local[row + 5], local[row + 6],
        local[row + 7]);
    Attending.store(0, d, t, at, m, out[0], out[1], out[2], out[3]);
    Attending.store(1, d, t, at, m, out[4], out[5], out[6], out[7]);
    Attending.store(2, d, t, at, m, out[8], out[9], out[10], out[11]);
    Attending.store(3, d, t, at, m, out[12], out[13], out[14], out[15]);
    Attending.store(4, d, t, at, m, out[16], out[17], out[18], out[19]);
    Attending.store(5, d, t, at, m, out[20], out[21], out[22], out[23]);
    Attending.store(6, d, t, at, m, out[24], out[25], out[26], out[27]);
    Attending.store(7, d, t, at, m, out[28], out[29], out[30], out[31]);
  }

  static void attentionGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(Attending.LOCAL);
    float[] s = new float[Product.SUMS];
    float[] out = new float[Product.SUMS];
    float[] ahead = new float[2 * Product.LOADS];
    int[] at = new int[Attending.FIELDS];
    int d = cursor.get(0) + place.get(0);
    int lane = c.localIdx;
    Attending.begin(lane, c.groupIdx, d, t, n, at);
    Product.clear(out);
    float scale = Attending.scale(d, t, m);
    float terms = 0f;
    float total = 0f;
    int half = Attending.half(lane);
    for (int turn = 0; turn < at[Attending.HEAD_TURNS]; turn++) {
      for (int from = at[Attending.FROM]; from < at[Attending.TO]; from += Attending.BLOCK) {
        for (int pass = 0; pass < at[Attending.PASSES]; pass++) {
          Product.clear(s);
          for (int column = 0; column < at[Attending.COLUMNS]; column += Product.DEPTH) {
            Attending.fetch(pass, turn, from, column, d, t, at, m, ahead);
            int to = Attending.loaded(lane);
            for (int q = 0; q < Product.LOADS; q++) {
              local[to + 8 * q] = ahead[q];
              local[to + 8 * q + Product.DEPTH * Product.PITCH] = ahead[Product.LOADS + q];
            }
            c.localBarrier();
            int a = Product.left(lane);
            int b = Product.right(lane);
            for (int k = 0; k < Product.DEPTH; k++) {
              Product.multiply(s, local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6],
                  local[a + 7], local[b], local[b + 1], local[b + 2], local[b + 3]);
              a += Product.PITCH;
              b += Product.PITCH;
            }
            c.localBarrier();
          }
          int own = Attending.scores(lane);
          if (pass == 0) {
            for (int e = 0; e < Product.ROWS; e++) {
              local[own + e] = s[4 * e];
              local[own + Product.PITCH + e] = s[4 * e + 1];
              local[own + 2 * Product.PITCH + e] = s[4 * e + 2];
              local[own + 3 * Product.PITCH + e] = s[4 * e + 3];
            }
          } else {
            for (int e = 0; e < Product.ROWS; e++) {
              local[own + e] = Attending.weight(local[own + e], s[4 * e], scale, e, from, turn, d, t, n, at, m);
              local[own + Product.PITCH + e] = Attending.weight(local[own + Product.PITCH + e], s[4 * e + 1], scale, e, from + 1, turn, d, t, n, at,
                  m);
              local[own + 2 * Product.PITCH + e] = Attending.weight(local[own + 2 * Product.PITCH + e], s[4 * e + 2], scale, e, from + 2, turn, d, t,
                  n, at, m);
              local[own + 3 * Product.PITCH + e] = Attending.weight(local[own + 3 * Product.PITCH + e], s[4 * e + 3], scale, e, from + 3, turn, d, t,
                  n, at, m);
            }
          }
          c.localBarrier();
          if (pass == 0) {
            for (int j = half; j < half + Attending.BLOCK / 2; j++) {
              int score = Attending.SCORES + j * Product.PITCH + lane % Attending.BLOCK;
              float p = Attending.probability(local[score], scale, lane % Attending.BLOCK, from + j, turn, d, t, n, at, m);
              total += p;
              local[score] = p;
            }
          }
          c.localBarrier();
        }
        if (Attending.wantsDelta(at)) {
          for (int j = half; j < half + Attending.BLOCK / 2; j++) {
            terms += local[Attending.SCORES + j * Product.PITCH + lane % Attending.BLOCK];
          }
        }
        for (int j = 0; j < at[Attending.VALUE_ROWS]; j += Product.DEPTH) {
          Attending.fetchValues(turn, from + j, d, t, at, m, ahead);
          int to = Attending.loadedValues(lane);
          for (int q = 0; q < Product.LOADS; q++) {
            local[to + 2 * q * Product.PITCH] = ahead[q];
          }
          c.localBarrier();
          int a = Attending.SCORES + j * Product.PITCH + Product.left(lane);
          int b = lane % 16 * 4;
          for (int k = 0; k < Product.DEPTH; k++) {
            Product.multiply(out, local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6],
                local[a + 7], local[b], local[b + 1], local[b + 2], local[b + 3]);
            a += Product.PITCH;
            b += Product.PITCH;
          }
          c.localBarrier();
        }
      }
    }
    local[lane] = terms;
    local[Product.LANES + lane] = total;
    c.localBarrier();
    if (Attending.wantsDelta(at)) {
      if (lane < Attending.BLOCK) {
        Attending.writeDelta(local[lane] + local[lane + Attending.BLOCK], local[Product.LANES + lane] + local[Product.LANES + lane + Attending.BLOCK],
            d, t, at, m);
      }
    } else {
      Attending.store(0, d, t, at, m, out[0], out[1], out[2], out[3]);
      Attending.store(1, d, t, at, m, out[4], out[5], out[6], out[7]);
      Attending.store(2, d, t, at, m, out[8], out[9], out[10], out[11]);
      Attending.store(3, d, t, at, m, out[12], out[13], out[14], out[15]);
      Attending.store(4, d, t, at, m, out[16], out[17], out[18], out[19]);
      Attending.store(5, d, t, at, m, out[20], out[21], out[22], out[23]);
      Attending.store(6, d, t, at, m, out[24], out[25], out[26], out[27]);
      Attending.store(7, d, t, at, m, out[28], out[29], out[30], out[31]);
    }
  }
}
