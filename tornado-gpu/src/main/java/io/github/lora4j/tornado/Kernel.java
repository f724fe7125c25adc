package io.github.lora4j.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task7;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Every kernel: what the device runs, and the same body for plain Java, which is how it is tested where there is no device. */
enum Kernel {
  ADD(5, Launches::addLaunch, Elements::add),
  MULTIPLY(5, Launches::multiplyLaunch, Elements::multiply),
  SCALE(5, Launches::scaleLaunch, Elements::scale),
  COPY(4, Launches::copyLaunch, Elements::copy),
  ACTIVATE(5, Launches::activateLaunch, Elements::activate),
  ACTIVATE_GRAD(6, Launches::activateGradLaunch, Elements::activateGrad),
  LAYER_NORM(7, Launches::layerNormLaunch, Elements::layerNorm),
  LAYER_NORM_GRAD(9, Launches::layerNormGradLaunch, Elements::layerNormGrad),
  RMS_NORM(6, Launches::rmsNormLaunch, Elements::rmsNorm),
  RMS_NORM_GRAD(9, Launches::rmsNormGradLaunch, Elements::rmsNormGrad),
  L2_NORMALIZE(5, Launches::l2NormalizeLaunch, Elements::l2Normalize),
  L2_NORMALIZE_GRAD(7, Launches::l2NormalizeGradLaunch, Elements::l2NormalizeGrad),
  DROPOUT(9, Launches::dropoutLaunch, Elements::dropout),
  SCALE_COLUMNS(6, Launches::scaleColumnsLaunch, Elements::scaleColumns),
  MASKED(4, Launches::maskedLaunch, Elements::masked),
  SENSITIVITY(9, Launches::sensitivityLaunch, Elements::sensitivity),
  GRAM_EXCESS(5, Launches::gramExcessLaunch, Elements::gramExcess),
  GRAM_PENALTY(8, Launches::gramPenaltyLaunch, Elements::gramPenalty),
  COUNTED(5, Launches::countedLaunch, Elements::counted),
  COLUMN_LOSS_GRAD(6, Launches::columnLossGradLaunch, Elements::columnLossGrad),
  GATHER(8, Launches::gatherLaunch, Moves::gather),
  SCATTER_ADD(7, Launches::scatterAddLaunch, Moves::scatterAdd),
  RANGE_MEAN(5, Launches::rangeMeanLaunch, Moves::rangeMean),
  RANGE_MEAN_GRAD(5, Launches::rangeMeanGradLaunch, Moves::rangeMeanGrad),
  COLUMNS(8, Launches::columnsLaunch, Moves::columns),
  SPREAD(7, Launches::spreadLaunch, Moves::spread),
  COLLECT(6, Launches::collectLaunch, Moves::collect),
  UNFOLD(6, Launches::unfoldLaunch, Moves::unfold),
  FOLD(6, Launches::foldLaunch, Moves::fold),
  ROPE(8, Launches::ropeLaunch, Moves::rope),
  COLUMN_PARTIALS(8, Launches::columnPartialsLaunch, Sums::columnPartials),
  COMBINE(7, Launches::combineLaunch, Sums::combine),
  COLUMN_SCORES(7, Launches::columnScoresLaunch, Sums::columnScores),
  DORA_NORM(9, Launches::doraNormLaunch, Sums::doraNorm),
  UPDATE(13, Launches::updateLaunch, Sums::update),
  LAYER_NORM_STATS(5, 3, Launches::layerNormStatsLaunch, Rows::layerNormStats),
  LAYER_NORM_SUMS(7, 2, Launches::layerNormSumsLaunch, Rows::layerNormSums),
  REDUCE(8, 2, Launches::reduceLaunch, Rows::reduce),
  CROSS_ENTROPY(5, 3, Launches::crossEntropyLaunch, Rows::crossEntropy),
  CROSS_ENTROPY_GRAD(5, 3, Launches::crossEntropyGradLaunch, Rows::crossEntropyGrad),
  COLUMN_LOSS(6, 2, Launches::columnLossLaunch, Rows::columnLoss),
  IN_BATCH(5, 3, Launches::inBatchLaunch, Rows::inBatch),
  ADD_SUM(4, 2, Launches::addSumLaunch, Rows::addSum),
  SQUARES(5, 2, Launches::squaresLaunch, Rows::squares),
  REPORT(8, 2, Launches::reportLaunch, Rows::report),
  SGEMM(Sgemm.FIELDS, 1, null, Sgemm::plain),
  WIDEN(5, Launches::widenLaunch, Moves::widen),
  AFTER_PRODUCT(5, Launches::afterProductLaunch, Elements::afterProduct),
  PRODUCT(19, Product.LANES, TileLaunches::productLaunch, PlainTiles::product),
  ATTENTION(Attending.DESCRIPTOR, Product.LANES, TileLaunches::attentionLaunch, PlainTiles::attention),
  ATTENTION_GRAD(Attending.DESCRIPTOR, Product.LANES, TileLaunches::attentionGradLaunch, PlainTiles::attentionGrad);

  /** Threads that work side by side without sharing anything, in groups of this size. */
  static final int FLAT_GROUP = 64;

  /** A task of the device. */
  interface Launch extends Task7<KernelContext, IntArray, IntArray, IntArray, IntArray, FloatArray, FloatArray> { }

  /** Thread i of the task described at d. */
  interface Flat {
    void run(int i, int d, IntArray t, IntArray n, FloatArray m, FloatArray w);
  }

  /** A phase of one thread of a group. */
  interface Phase {
    void run(int phase, int lane, int group, int d, IntArray t, IntArray n, FloatArray m, float[] local);
  }

  /** A whole group, thread after thread between the places where they wait. */
  interface Group {
    void run(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w);
  }

  /** Ints of a descriptor. */
  final int fields;
  /** Threads of a group. */
  final int lanes;
  /** Whether threads of a group share memory, so that the number of groups is what a task asks for. */
  final boolean grouped;
  /** For the device; none where a library is called. */
  final Launch launch;
  /** For plain Java. */
  final Group plain;

  Kernel(int fields, Launch launch, Flat body) {
    this(fields, FLAT_GROUP, false, launch, (group, d, t, n, m, w) -> {
      for (int i = group * FLAT_GROUP; i < (group + 1) * FLAT_GROUP; i++) {
        body.run(i, d, t, n, m, w);
      }
    });
  }

  Kernel(int fields, int phases, Launch launch, Phase body) {
    this(fields, Rows.LANES, true, launch, (group, d, t, n, m, w) -> {
      float[] local = new float[2 * Rows.LANES];
      for (int phase = 0; phase < phases; phase++) {
        for (int lane = 0; lane < Rows.LANES; lane++) {
          body.run(phase, lane, group, d, t, n, m, local);
        }
      }
    });
  }

  Kernel(int fields, int lanes, Launch launch, Group plain) {
    this(fields, lanes, true, launch, plain);
  }

  Kernel(int fields, int lanes, boolean grouped, Launch launch, Group plain) {
    this.fields = fields;
    this.lanes = lanes;
    this.grouped = grouped;
    this.launch = launch;
    this.plain = plain;
  }
}
