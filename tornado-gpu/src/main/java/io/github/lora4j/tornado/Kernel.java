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
  PRODUCT(19, Product.LANES, Launches::productLaunch, Kernel::product),
  ATTENTION(18, Rows.LANES, Launches::attentionLaunch, Kernel::attention),
  ATTENTION_DELTA(18, Rows.LANES, Launches::attentionDeltaLaunch, Kernel::attentionDelta),
  QUERY_GRADIENT(18, Rows.LANES, Launches::queryGradientLaunch, Kernel::queryGradient),
  KEY_GRADIENTS(18, Rows.LANES, Launches::keyGradientsLaunch, Kernel::keyGradients);

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

  private static void product(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    float[] local = new float[Product.LOCAL];
    float[][] sums = new float[Product.LANES][Product.SUMS];
    float[][] ahead = new float[Product.LANES][2 * Product.LOADS];
    int[][] at = new int[Product.LANES][Product.FIELDS];
    for (int lane = 0; lane < Product.LANES; lane++) {
      Product.begin(lane, group, d, t, n, at[lane]);
      Product.fetch(0, at[lane], t, m, w, ahead[lane]);
    }
    for (int turn = 0; turn < at[0][Product.TURNS]; turn++) {
      for (int lane = 0; lane < Product.LANES; lane++) {
        for (int q = 0; q < Product.LOADS; q++) {
          local[at[lane][Product.A_LOCAL] + q * at[lane][Product.A_LOCAL_STEP]] = ahead[lane][q];
          local[at[lane][Product.B_LOCAL] + q * at[lane][Product.B_LOCAL_STEP]] = ahead[lane][Product.LOADS + q];
        }
      }
      for (int lane = 0; lane < Product.LANES; lane++) {
        Product.fetch(turn + 1, at[lane], t, m, w, ahead[lane]);
        int a = Product.left(lane);
        int b = Product.right(lane);
        for (int k = 0; k < Product.DEPTH; k++) {
          Product.multiply(sums[lane], local[a], local[a + 1], local[a + 2], local[a + 3], local[a + 4], local[a + 5], local[a + 6], local[a + 7],
              local[b], local[b + 1], local[b + 2], local[b + 3]);
          a += Product.PITCH;
          b += Product.PITCH;
        }
      }
    }
    float alpha = Product.alpha(d, t, m);
    for (int lane = 0; lane < Product.LANES; lane++) {
      float[] own = sums[lane];
      Product.end(lane, group, d, t, n, at[lane]);
      for (int p = 0; p < Product.ROWS; p++) {
        Product.store(p, at[lane], alpha, m, own[4 * p], own[4 * p + 1], own[4 * p + 2], own[4 * p + 3]);
      }
    }
  }

  private static void attention(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    float[] local = new float[2 * Rows.LANES];
    float[][] sums = new float[Rows.LANES][6];
    for (float[] own : sums) {
      Attending.begin(own);
    }
    for (int turn = 0; turn < Attending.keyTurns(group, d, t, n); turn++) {
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.scores(turn, lane, group, d, t, n, m, local);
      }
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.weigh(turn, lane, group, d, t, n, m, local, sums[lane]);
      }
    }
    for (int lane = 0; lane < Rows.LANES; lane++) {
      Attending.output(lane, group, d, t, n, m, sums[lane]);
    }
  }

  private static void attentionDelta(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    float[] local = new float[2 * Rows.LANES];
    float[][] sums = new float[Rows.LANES][8];
    for (int turn = 0; turn < Attending.keyTurns(group, d, t, n); turn++) {
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.keyTerms(turn, lane, group, d, t, n, m, local);
      }
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.addTerms(turn, group, d, t, n, local, sums[lane]);
      }
    }
    for (int lane = 0; lane < Rows.LANES; lane++) {
      Attending.delta(lane, group, d, t, n, m, sums[lane]);
    }
  }

  private static void queryGradient(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    float[] local = new float[2 * Rows.LANES];
    float[][] sums = new float[Rows.LANES][8];
    for (int turn = 0; turn < Attending.keyTurns(group, d, t, n); turn++) {
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.keyDeltas(turn, lane, group, d, t, n, m, local);
      }
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.addKeys(turn, lane, group, d, t, n, m, local, sums[lane]);
      }
    }
    for (int lane = 0; lane < Rows.LANES; lane++) {
      Attending.queryGradient(lane, group, d, t, n, m, sums[lane]);
    }
  }

  private static void keyGradients(int group, int d, IntArray t, IntArray n, FloatArray m, FloatArray w) {
    float[] local = new float[2 * Rows.LANES];
    float[][] sums = new float[Rows.LANES][8];
    for (int turn = 0; turn < Attending.queryTurns(group, d, t, n); turn++) {
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.queryDeltas(turn, lane, group, d, t, n, m, local);
      }
      for (int lane = 0; lane < Rows.LANES; lane++) {
        Attending.addQueries(turn, lane, group, d, t, n, m, local, sums[lane]);
      }
    }
    for (int lane = 0; lane < Rows.LANES; lane++) {
      Attending.keyGradients(lane, group, d, t, n, m, sums[lane]);
    }
  }
}
