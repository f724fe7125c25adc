package io.github.lora4j.tornado;

import java.util.Arrays;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The kernels of {@link TileLaunches} that touch local memory themselves, for plain Java: a whole group, thread after thread between the places
 * where they wait.
 */
final class PlainTiles {

  private static final int LANES = Product.LANES;

  /** What the threads of a group have of their own. */
  private final float[][] sums = new float[LANES][Product.SUMS];
  private final float[][] out = new float[LANES][Product.SUMS];
  private final float[][] ahead = new float[LANES][2 * Product.LOADS];
  private final int[][] at = new int[LANES][Attending.FIELDS];
  private final float[] local = new float[Attending.LOCAL];
  private final int d;
  private final IntArray t;
  private final IntArray n;
  private final FloatArray m;

  private PlainTiles(int group, int d, IntArray t, IntArray n, FloatArray m) {
    this.d = d;
    this.t = t;
    this.n = n;
    this.m = m;
    for (int lane = 0; lane < LANES; lane++) {
      Attending.begin(lane, group, d, t, n, at[lane]);
    }
  }

  static void product(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    float[] local = new float[Product.LOCAL];
    float[][] sums = new float[LANES][Product.SUMS];
    float[][] ahead = new float[LANES][2 * Product.LOADS];
    int[][] at = new int[LANES][Product.FIELDS];
    for (int lane = 0; lane < LANES; lane++) {
      Product.begin(lane, group, d, t, n, at[lane]);
      Product.fetch(0, at[lane], t, m, w, ahead[lane]);
    }
    for (int turn = 0; turn < at[0][Product.TURNS]; turn++) {
      for (int lane = 0; lane < LANES; lane++) {
        for (int q = 0; q < Product.LOADS; q++) {
          local[at[lane][Product.A_LOCAL] + q * at[lane][Product.A_LOCAL_STEP]] = ahead[lane][q];
          local[at[lane][Product.B_LOCAL] + q * at[lane][Product.B_LOCAL_STEP]] = ahead[lane][Product.LOADS + q];
        }
      }
      for (int lane = 0; lane < LANES; lane++) {
        Product.fetch(turn + 1, at[lane], t, m, w, ahead[lane]);
        multiply(sums[lane], local, Product.left(lane), Product.right(lane));
      }
    }
    float alpha = Product.alpha(d, t, m);
    for (int lane = 0; lane < LANES; lane++) {
      float[] own = sums[lane];
      Product.end(lane, group, d, t, n, at[lane]);
      for (int p = 0; p < Product.ROWS; p++) {
        Product.store(p, at[lane], alpha, m, own[4 * p], own[4 * p + 1], own[4 * p + 2], own[4 * p + 3]);
      }
    }
  }

  private static void multiply(float[] sums, float[] local, int left, int right) {
    for (int k = 0; k < Product.DEPTH; k++) {
      int a = left + k * Product.PITCH;
      int b = right + k * Product.PITCH;
      Product.multiply(sums, local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6], local[a + 7],
          local[b], local[b + 1], local[b + 2], local[b + 3]);
    }
  }

  /** Scores of a tile. */
  private void scores(int pass, int turn, int from) {
    for (float[] own : sums) {
      Product.clear(own);
    }
    for (int column = 0; column < at[0][Attending.COLUMNS]; column += Product.DEPTH) {
      for (int lane = 0; lane < LANES; lane++) {
        Attending.fetch(pass, turn, from, column, d, t, at[lane], m, ahead[lane]);
        int to = Attending.loaded(lane);
        for (int q = 0; q < Product.LOADS; q++) {
          local[to + 8 * q] = ahead[lane][q];
          local[to + 8 * q + Product.DEPTH * Product.PITCH] = ahead[lane][Product.LOADS + q];
        }
      }
      for (int lane = 0; lane < LANES; lane++) {
        multiply(sums[lane], local, Product.left(lane), Product.right(lane));
      }
    }
  }

  /** Puts the scores of a tile in local memory. */
  private void keepScores() {
    for (int lane = 0; lane < LANES; lane++) {
      for (int e = 0; e < Product.SUMS; e++) {
        local[Attending.scores(lane) + e % 4 * Product.PITCH + e / 4] = sums[lane][e];
      }
    }
  }

  /** Adds the product of what became of the scores and the values of a tile. */
  private void addValues(int turn, int from) {
    for (int j = 0; j < Attending.BLOCK; j += Product.DEPTH) {
      for (int lane = 0; lane < LANES; lane++) {
        Attending.fetchValues(turn, from + j, d, t, at[lane], m, ahead[lane]);
        int to = Attending.loadedValues(lane);
        for (int q = 0; q < Product.LOADS; q++) {
          local[to + 2 * q * Product.PITCH] = ahead[lane][q];
        }
      }
      for (int lane = 0; lane < LANES; lane++) {
        multiply(out[lane], local, Attending.SCORES + j * Product.PITCH + Product.left(lane), lane % 16 * 4);
      }
    }
  }

  private void shrink() {
    for (int lane = 0; lane < LANES; lane++) {
      int row = Attending.STATS + Product.left(lane);
      Attending.shrink(out[lane], local[row], local[row + 1], local[row + 2], local[row + 3], local[row + 4], local[row + 5], local[row + 6],
          local[row + 7]);
    }
  }

  private void store() {
    for (int lane = 0; lane < LANES; lane++) {
      float[] own = out[lane];
      for (int p = 0; p < Product.ROWS; p++) {
        Attending.store(p, d, t, at[lane], m, own[4 * p], own[4 * p + 1], own[4 * p + 2], own[4 * p + 3]);
      }
    }
  }

  static void attention(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    new PlainTiles(group, d, t, n, m).attention();
  }

  private void attention() {
    float scale = Attending.scale(d, t, m);
    float[] max = new float[Attending.BLOCK];
    float[] sum = new float[Attending.BLOCK];
    Arrays.fill(max, Attending.NONE);
    for (int from = at[0][Attending.FROM]; from < at[0][Attending.TO]; from += Attending.BLOCK) {
      scores(0, 0, from);
      keepScores();
      for (int lane = 0; lane < Attending.BLOCK; lane++) {
        int first = Attending.seen(false, from, d, t, n, at[lane]);
        int last = Attending.seen(true, from, d, t, n, at[lane]);
        float most = max[lane];
        for (int j = first; j < last; j++) {
          int score = Attending.SCORES + lane + j * Product.PITCH;
          local[score] = Attending.score(local[score], scale, from + j, d, t, n, at[lane], m);
          most = Math.max(most, local[score]);
        }
        float shrink = TornadoMath.exp(max[lane] - most);
        sum[lane] *= shrink;
        for (int j = 0; j < Attending.BLOCK; j++) {
          int score = Attending.SCORES + lane + j * Product.PITCH;
          local[score] = j >= first && j < last ? TornadoMath.exp(local[score] - most) : 0f;
          sum[lane] += local[score];
        }
        max[lane] = most;
        local[Attending.STATS + lane] = shrink;
      }
      shrink();
      addValues(0, from);
    }
    for (int lane = 0; lane < Attending.BLOCK; lane++) {
      Attending.writeLse(max[lane], sum[lane], d, t, at[lane], m);
      local[Attending.STATS + lane] = Attending.inverse(sum[lane]);
    }
    shrink();
    store();
  }

  static void attentionGrad(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    new PlainTiles(group, d, t, n, m).attentionGrad();
  }

  private void attentionGrad() {
    float scale = Attending.scale(d, t, m);
    float[] terms = new float[LANES];
    float[] total = new float[LANES];
    for (int turn = 0; turn < at[0][Attending.HEAD_TURNS]; turn++) {
      for (int from = at[0][Attending.FROM]; from < at[0][Attending.TO]; from += Attending.BLOCK) {
        scores(0, turn, from);
        keepScores();
        for (int lane = 0; lane < LANES; lane++) {
          for (int j = Attending.half(lane); j < Attending.half(lane) + Attending.BLOCK / 2; j++) {
            int score = Attending.SCORES + j * Product.PITCH + lane % Attending.BLOCK;
            local[score] = Attending.probability(local[score], scale, lane % Attending.BLOCK, from + j, turn, d, t, n, at[lane], m);
            total[lane] += local[score];
          }
        }
        if (at[0][Attending.PASSES] == 2) {
          scores(1, turn, from);
          for (int lane = 0; lane < LANES; lane++) {
            for (int e = 0; e < Product.SUMS; e++) {
              int own = Attending.scores(lane) + e % 4 * Product.PITCH + e / 4;
              local[own] = Attending.weight(local[own], sums[lane][e], scale, e / 4, from + e % 4, turn, d, t, n, at[lane], m);
            }
          }
        }
        if (Attending.wantsDelta(at[0])) {
          for (int lane = 0; lane < LANES; lane++) {
            for (int j = Attending.half(lane); j < Attending.half(lane) + Attending.BLOCK / 2; j++) {
              terms[lane] += local[Attending.SCORES + j * Product.PITCH + lane % Attending.BLOCK];
            }
          }
        } else {
          addValues(turn, from);
        }
      }
    }
    if (Attending.wantsDelta(at[0])) {
      for (int lane = 0; lane < Attending.BLOCK; lane++) {
        Attending.writeDelta(terms[lane] + terms[lane + Attending.BLOCK], total[lane] + total[lane + Attending.BLOCK], d, t, at[lane], m);
      }
    } else {
      store();
    }
  }
}
