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
   * Floats of local memory of the kernels of {@link Rows}, which use {@code 2·LANES}. TornadoVM 5 counts bytes, from
   * 16 on, where it should count elements when a local array is handed to a method: so such kernels need the room of four times as many,
   * and sixteen more. (Beyond the end lies, on a GPU, nothing.) What is used in the kernel's own method, as in {@link TileLaunches}, is counted
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

  static void shiftLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.shift(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void scaleRowsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.scaleRows(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void applyLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.apply(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void applyGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.applyGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void logSoftmaxAtGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Elements.logSoftmaxAtGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
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

  static void appendRowsLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.appendRows(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void scatterAddLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.scatterAdd(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void attentionBiasGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    AttendingBias.gradient(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void rangeSumLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.rangeSum(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
  }

  static void rangeSumGradLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    Moves.rangeSumGrad(c.globalIdx, cursor.get(0) + place.get(0), t, n, m, w);
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

  static void logSoftmaxAtLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.logSoftmaxAt(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.logSoftmaxAt(1, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.logSoftmaxAt(2, c.localIdx, c.groupIdx, d, t, n, m, local);
  }

  static void likeliestLaunch(KernelContext c, IntArray cursor, IntArray t, IntArray place, IntArray n, FloatArray m, FloatArray w) {
    float[] local = c.allocateFloatLocalArray(SHARED);
    int d = cursor.get(0) + place.get(0);
    Rows.likeliest(0, c.localIdx, c.groupIdx, d, t, n, m, local);
    c.localBarrier();
    Rows.likeliest(1, c.localIdx, c.groupIdx, d, t, n, m, local);
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
}
