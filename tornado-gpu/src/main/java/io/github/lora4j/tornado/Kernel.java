package io.github.lora4j.tornado;

import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task7;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Every kernel: what the device runs, and the same body for plain Java, which is how it is tested where there is no device. */
enum Kernel {
  ADD(Descriptors.Binary.class, Launches::addLaunch, Elements::add),
  MULTIPLY(Descriptors.Binary.class, Launches::multiplyLaunch, Elements::multiply),
  SCALE(Descriptors.Scaled.class, Launches::scaleLaunch, Elements::scale),
  SHIFT(Descriptors.Scaled.class, Launches::shiftLaunch, Elements::shift),
  SCALE_ROWS(Descriptors.PerRow.class, Launches::scaleRowsLaunch, Elements::scaleRows),
  APPLY(Descriptors.Applied.class, Launches::applyLaunch, Elements::apply),
  APPLY_GRAD(Descriptors.AppliedGrad.class, Launches::applyGradLaunch, Elements::applyGrad),
  LOG_SOFTMAX_AT_GRAD(Descriptors.LogSoftmaxAtGrad.class, Launches::logSoftmaxAtGradLaunch, Elements::logSoftmaxAtGrad),
  LOG_SOFTMAX_AT(Descriptors.LogSoftmaxAt.class, 3, Launches::logSoftmaxAtLaunch, Rows::logSoftmaxAt),
  LIKELIEST(Descriptors.Likeliest.class, 2, Launches::likeliestLaunch, Rows::likeliest),
  COPY(Descriptors.Copy.class, Launches::copyLaunch, Elements::copy),
  ACTIVATE(Descriptors.Applied.class, Launches::activateLaunch, Elements::activate),
  ACTIVATE_GRAD(Descriptors.AppliedGrad.class, Launches::activateGradLaunch, Elements::activateGrad),
  LAYER_NORM(Descriptors.LayerNorm.class, Launches::layerNormLaunch, Elements::layerNorm),
  LAYER_NORM_GRAD(Descriptors.NormGrad.class, Launches::layerNormGradLaunch, Elements::layerNormGrad),
  RMS_NORM(Descriptors.RmsNorm.class, Launches::rmsNormLaunch, Elements::rmsNorm),
  RMS_NORM_GRAD(Descriptors.NormGrad.class, Launches::rmsNormGradLaunch, Elements::rmsNormGrad),
  L2_NORMALIZE(Descriptors.PerRow.class, Launches::l2NormalizeLaunch, Elements::l2Normalize),
  L2_NORMALIZE_GRAD(Descriptors.L2Grad.class, Launches::l2NormalizeGradLaunch, Elements::l2NormalizeGrad),
  DROPOUT(Descriptors.Dropout.class, Launches::dropoutLaunch, Elements::dropout),
  SCALE_COLUMNS(Descriptors.ScaleColumns.class, Launches::scaleColumnsLaunch, Elements::scaleColumns),
  MASKED(Descriptors.Masked.class, Launches::maskedLaunch, Elements::masked),
  SENSITIVITY(Descriptors.Sensitivity.class, Launches::sensitivityLaunch, Elements::sensitivity),
  GRAM_EXCESS(Descriptors.GramExcess.class, Launches::gramExcessLaunch, Elements::gramExcess),
  GRAM_PENALTY(Descriptors.GramPenalty.class, Launches::gramPenaltyLaunch, Elements::gramPenalty),
  COUNTED(Descriptors.Counted.class, Launches::countedLaunch, Elements::counted),
  COLUMN_LOSS_GRAD(Descriptors.ColumnLoss.class, Launches::columnLossGradLaunch, Elements::columnLossGrad),
  GATHER(Descriptors.Gather.class, Launches::gatherLaunch, Moves::gather),
  APPEND_ROWS(Descriptors.AppendRows.class, Launches::appendRowsLaunch, Moves::appendRows),
  SCATTER_ADD(Descriptors.ScatterAdd.class, Launches::scatterAddLaunch, Moves::scatterAdd),
  RANGE_SUM(Descriptors.Ranges.class, Launches::rangeSumLaunch, Moves::rangeSum),
  RANGE_SUM_GRAD(Descriptors.Ranges.class, Launches::rangeSumGradLaunch, Moves::rangeSumGrad),
  COLUMNS(Descriptors.Columns.class, Launches::columnsLaunch, Moves::columns),
  SPREAD(Descriptors.Spread.class, Launches::spreadLaunch, Moves::spread),
  COLLECT(Descriptors.Collect.class, Launches::collectLaunch, Moves::collect),
  UNFOLD(Descriptors.Taps.class, Launches::unfoldLaunch, Moves::unfold),
  FOLD(Descriptors.Taps.class, Launches::foldLaunch, Moves::fold),
  ROPE(Descriptors.Rope.class, Launches::ropeLaunch, Moves::rope),
  COLUMN_PARTIALS(Descriptors.ColumnPartials.class, Launches::columnPartialsLaunch, Sums::columnPartials),
  COMBINE(Descriptors.Combine.class, Launches::combineLaunch, Sums::combine),
  COLUMN_SCORES(Descriptors.ColumnScores.class, Launches::columnScoresLaunch, Sums::columnScores),
  DORA_NORM(Descriptors.DoraNorm.class, Launches::doraNormLaunch, Sums::doraNorm),
  UPDATE(Descriptors.Update.class, Launches::updateLaunch, Sums::update),
  LAYER_NORM_STATS(Descriptors.Stats.class, 3, Launches::layerNormStatsLaunch, Rows::layerNormStats),
  LAYER_NORM_SUMS(Descriptors.NormSums.class, 2, Launches::layerNormSumsLaunch, Rows::layerNormSums),
  REDUCE(Descriptors.Reduce.class, 2, Launches::reduceLaunch, Rows::reduce),
  CROSS_ENTROPY(Descriptors.Classes.class, 3, Launches::crossEntropyLaunch, Rows::crossEntropy),
  CROSS_ENTROPY_GRAD(Descriptors.Classes.class, 3, Launches::crossEntropyGradLaunch, Rows::crossEntropyGrad),
  COLUMN_LOSS(Descriptors.ColumnLoss.class, 2, Launches::columnLossLaunch, Rows::columnLoss),
  IN_BATCH(Descriptors.InBatch.class, 3, Launches::inBatchLaunch, Rows::inBatch),
  ADD_SUM(Descriptors.AddSum.class, 2, Launches::addSumLaunch, Rows::addSum),
  SQUARES(Descriptors.Squares.class, 2, Launches::squaresLaunch, Rows::squares),
  REPORT(Descriptors.Report.class, 2, Launches::reportLaunch, Rows::report),
  SGEMM(Descriptors.Blas.class, 1, null, Sgemm::plain),
  WIDEN(Descriptors.Widen.class, Launches::widenLaunch, Moves::widen),
  AFTER_PRODUCT(Descriptors.AfterProduct.class, Launches::afterProductLaunch, Elements::afterProduct),
  PRODUCT(Descriptors.Matrices.class, Product.LANES, TileLaunches::productLaunch, PlainTiles::product),
  ATTENTION(Descriptors.Heads.class, Product.LANES, TileLaunches::attentionLaunch, PlainTiles::attention),
  ATTENTION_GRAD(Descriptors.Heads.class, Product.LANES, TileLaunches::attentionGradLaunch, PlainTiles::attentionGrad),
  ATTENTION_BIAS_GRAD(Descriptors.HeadBias.class, Launches::attentionBiasGradLaunch, AttendingBias::gradient);

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

  /** What a task of it is told. */
  final Class<? extends Record> descriptor;
  /** Ints of a descriptor. */
  final int fields;
  /** Threads of a group. */
  final int lanes;
  /** Whether threads of a group share memory, so that the number of groups is what a task asks for. */
  final boolean grouped;
  /** For the device; none where a library is called. */
  final @Nullable Launch launch;
  /** For plain Java. */
  final Group plain;

  Kernel(Class<? extends Record> descriptor, Launch launch, Flat body) {
    this(descriptor, FLAT_GROUP, false, launch, (group, d, t, n, m, w) -> {
      for (int i = group * FLAT_GROUP; i < (group + 1) * FLAT_GROUP; i++) {
        body.run(i, d, t, n, m, w);
      }
    });
  }

  Kernel(Class<? extends Record> descriptor, int phases, Launch launch, Phase body) {
    this(descriptor, Rows.LANES, true, launch, (group, d, t, n, m, w) -> {
      float[] local = new float[2 * Rows.LANES];
      for (int phase = 0; phase < phases; phase++) {
        for (int lane = 0; lane < Rows.LANES; lane++) {
          body.run(phase, lane, group, d, t, n, m, local);
        }
      }
    });
  }

  Kernel(Class<? extends Record> descriptor, int lanes, @Nullable Launch launch, Group plain) {
    this(descriptor, lanes, true, launch, plain);
  }

  Kernel(Class<? extends Record> descriptor, int lanes, boolean grouped, @Nullable Launch launch, Group plain) {
    this.descriptor = descriptor;
    fields = Descriptors.fields(descriptor);
    this.lanes = lanes;
    this.grouped = grouped;
    this.launch = launch;
    this.plain = plain;
  }
}
