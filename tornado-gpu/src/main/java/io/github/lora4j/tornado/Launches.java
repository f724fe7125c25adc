package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What the device runs: each kernel's body with the thread's place in it. All have one signature, which is that of a task: the cursor says
 * where the descriptors of a chunk start, {@code place} where the task's lies in them; see {@link Arenas} for the rest. The place is an
 * array of one, not a number, for numbers are compiled in: so a kernel has the same code in all tasks, and the driver's cache knows it.
 */
final class Launches {

  /**
   * Floats of local memory of the kernels of {@link Rows} and {@link Attending}, which use {@code 2·LANES}. TornadoVM 5 counts bytes, from
   * 16 on, where it should count elements when a local array is handed to a method: so such kernels need the room of four times as many,
   * and four more. (Beyond the end lies, on a GPU, nothing.) What is used in the kernel's own method, as in that of the product, is counted
   * right.
   */
  private static final int SHARED = 4 * 2 * Rows.LANES + 16;

  private Launches() {}

  static void addLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.add(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void multiplyLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.multiply(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void afterProductLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.afterProduct(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void widenLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.widen(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void scaleLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.scale(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void copyLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.copy(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void activateLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.activate(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void activateGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.activateGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void layerNormLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.layerNorm(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void layerNormGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.layerNormGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void rmsNormLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.rmsNorm(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void rmsNormGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.rmsNormGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void l2NormalizeLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.l2Normalize(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void l2NormalizeGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.l2NormalizeGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void dropoutLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.dropout(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void scaleColumnsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.scaleColumns(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void maskedLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.masked(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void sensitivityLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.sensitivity(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void gramExcessLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.gramExcess(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void gramPenaltyLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.gramPenalty(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void countedLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.counted(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void columnLossGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.columnLossGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void gatherLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.gather(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void scatterAddLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.scatterAdd(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void rangeMeanLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.rangeMean(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void rangeMeanGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.rangeMeanGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void columnsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.columns(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void spreadLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.spread(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void collectLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.collect(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void unfoldLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.unfold(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void foldLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.fold(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void ropeLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.rope(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void columnPartialsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Sums.columnPartials(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void combineLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Sums.combine(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void columnScoresLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Sums.columnScores(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void doraNormLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Sums.doraNorm(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void updateLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Sums.update(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void layerNormStatsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.layerNormStats(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.layerNormStats(1, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.layerNormStats(2, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void layerNormSumsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.layerNormSums(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.layerNormSums(1, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void reduceLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.reduce(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.reduce(1, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void crossEntropyLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.crossEntropy(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.crossEntropy(1, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.crossEntropy(2, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void crossEntropyGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.crossEntropyGrad(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.crossEntropyGrad(1, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.crossEntropyGrad(2, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void columnLossLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.columnLoss(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.columnLoss(1, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void inBatchLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.inBatch(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.inBatch(1, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.inBatch(2, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void addSumLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.addSum(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.addSum(1, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void squaresLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.squares(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.squares(1, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void reportLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.report(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.report(1, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

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
    float[] local = c.allocateFloatLocalArray(SHARED);
    float[] sums = new float[6];
    int d = cursor.get(0) + place.get(0);
    int turns = Attending.keyTurns(c.groupIdx, d, t, n);
    Attending.begin(sums);
    for (int turn = 0; turn < turns; turn++) {
      Attending.scores(turn, c.localIdx, c.groupIdx, d, t, n, m, local);
      c.localBarrier();
      Attending.weigh(turn, c.localIdx, c.groupIdx, d, t, n, m, local, sums);
      c.localBarrier();
    }
    Attending.output(c.localIdx, c.groupIdx, d, t, n, m, sums);
  }

  static void attentionDeltaLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    float[] sums = new float[8];
    int d = cursor.get(0) + place.get(0);
    int turns = Attending.keyTurns(c.groupIdx, d, t, n);
    Attending.clear(sums);
    for (int turn = 0; turn < turns; turn++) {
      Attending.keyTerms(turn, c.localIdx, c.groupIdx, d, t, n, m, local);
      c.localBarrier();
      Attending.addTerms(turn, c.groupIdx, d, t, n, local, sums);
      c.localBarrier();
    }
    Attending.delta(c.localIdx, c.groupIdx, d, t, n, m, sums);
  }

  static void queryGradientLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    float[] sums = new float[8];
    int d = cursor.get(0) + place.get(0);
    int turns = Attending.keyTurns(c.groupIdx, d, t, n);
    Attending.clear(sums);
    for (int turn = 0; turn < turns; turn++) {
      Attending.keyDeltas(turn, c.localIdx, c.groupIdx, d, t, n, m, local);
      c.localBarrier();
      Attending.addKeys(turn, c.localIdx, c.groupIdx, d, t, n, m, local, sums);
      c.localBarrier();
    }
    Attending.queryGradient(c.localIdx, c.groupIdx, d, t, n, m, sums);
  }

  static void keyGradientsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    float[] sums = new float[8];
    int d = cursor.get(0) + place.get(0);
    int turns = Attending.queryTurns(c.groupIdx, d, t, n);
    Attending.clear(sums);
    for (int turn = 0; turn < turns; turn++) {
      Attending.queryDeltas(turn, c.localIdx, c.groupIdx, d, t, n, m, local);
      c.localBarrier();
      Attending.addQueries(turn, c.localIdx, c.groupIdx, d, t, n, m, local, sums);
      c.localBarrier();
    }
    Attending.keyGradients(c.localIdx, c.groupIdx, d, t, n, m, sums);
  }
}
