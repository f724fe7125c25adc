package io.github.lora4j.tornado;

import io.github.lora4j.graph.ElementOp;
import io.github.lora4j.graph.LossOp;
import io.github.lora4j.graph.ProductOp;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.TrainingOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.tornado.ProductLowering.Matrices;
import io.github.lora4j.tornado.ProductLowering.Strided;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.Loss;
import java.util.List;
import java.util.Optional;

/** Losses of rows, and what they are made of. */
final class LossLowering {

  private LossLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(GpuBinder.of(TrainingOp.RowLoss.class, LossLowering::rowLoss),
        GpuBinder.of(TrainingOp.RowLossGrad.class, LossLowering::rowLossGrad),
        GpuBinder.of(TrainingOp.InBatchNegatives.class, LossLowering::inBatch),
        GpuBinder.of(TrainingOp.InBatchNegativesGrad.class, LossLowering::inBatchGrad),
        GpuBinder.of(LossOp.LogSoftmaxAt.class, (o, to) -> to.grouped(Kernel.LOG_SOFTMAX_AT, o.logits(), (n, c) ->
            new Descriptors.LogSoftmaxAt(n, c, to.at(o.logits()), to.ints(o.columns()), o.columns().shape().cols(), to.at(o.y()),
                to.at(o.stats())))),
        GpuBinder.of(LossOp.LogSoftmaxAtGrad.class, (o, to) -> to.rows(Kernel.LOG_SOFTMAX_AT_GRAD, o.logits(), (n, c) ->
            new Descriptors.LogSoftmaxAtGrad(n, c, to.at(o.logits()), to.ints(o.columns()), o.columns().shape().cols(), to.at(o.stats()),
                to.at(o.dy()), to.at(o.dLogits())))),
        GpuBinder.of(LossOp.Likeliest.class, (o, to) -> to.grouped(Kernel.LIKELIEST, o.logits(), (n, c) ->
            new Descriptors.Likeliest(n, c, to.at(o.logits()), to.at(o.y())))),
        new LabelLogProbability());
  }

  /** Composed: a device has whole logits while the op runs. */
  private static final class LabelLogProbability implements GpuBinder<LossOp.LabelLogProbability> {
    @Override
    public Class<LossOp.LabelLogProbability> op() {
      return LossOp.LabelLogProbability.class;
    }

    @Override
    public boolean readsStored(LossOp.LabelLogProbability o, Value weight) {
      return o.w().equals(weight);
    }

    @Override
    public void lower(LossOp.LabelLogProbability o, GpuTasks to) {
      Shape shape = o.x().shape().withCols(o.w().shape().rows());
      double cap = o.logits().cap();
      double alpha = cap == 0 ? o.logits().scale() : o.logits().scale() / cap;
      Value product = to.temp(shape);
      to.op(new ProductOp.Linear(o.x(), o.w(), o.bias(), Optional.empty(), alpha, product));
      Value logits = product;
      if (cap != 0) {
        logits = to.temp(shape);
        to.op(new ElementOp.Activate(Activation.TANH, product, logits));
        to.op(new ElementOp.Scale(logits, cap, logits));
      }
      Value stats = to.temp(shape.withCols(2));
      to.op(new LossOp.LogSoftmaxAt(logits, o.labels(), o.y().logProbability(), stats));
      to.op(new LossOp.Likeliest(logits, o.y().likeliest()));
      if (o.slope().isPresent()) {
        Value ones = to.temp(shape.withCols(1));
        to.op(new ElementOp.Fill(1, ones));
        to.op(new LossOp.LogSoftmaxAtGrad(logits, o.labels(), stats, ones, logits));
        if (cap != 0) {
          to.op(new ElementOp.Scale(logits, cap, logits));
          to.op(new ElementOp.ActivateGrad(Activation.TANH, product, logits, logits));
        }
        to.op(new ProductOp.LinearInputGrad(logits, o.w(), Optional.empty(), alpha, o.slope().get()));
      }
    }
  }

  private static void rowLoss(TrainingOp.RowLoss o, GpuTasks to) {
    if (o.loss() == Loss.CROSS_ENTROPY) {
      to.grouped(Kernel.CROSS_ENTROPY, o.predictions(), (n, c) ->
          new Descriptors.Classes(n, c, to.at(o.predictions()), to.ints(o.labels()), to.at(o.rowLoss())));
    } else {
      to.grouped(Kernel.COLUMN_LOSS, o.predictions(), (n, c) ->
          new Descriptors.ColumnLoss(n, c, to.at(o.predictions()), to.at(o.labels()), to.at(o.rowLoss()), Codes.of(o.loss())));
    }
  }

  private static void rowLossGrad(TrainingOp.RowLossGrad o, GpuTasks to) {
    if (o.loss() == Loss.CROSS_ENTROPY) {
      to.grouped(Kernel.CROSS_ENTROPY_GRAD, o.predictions(), (n, c) ->
          new Descriptors.Classes(n, c, to.at(o.predictions()), to.ints(o.labels()), to.at(o.dPredictions())));
    } else {
      to.rows(Kernel.COLUMN_LOSS_GRAD, o.predictions(), (n, c) ->
          new Descriptors.ColumnLoss(n, c, to.at(o.predictions()), to.at(o.labels()), to.at(o.dPredictions()), Codes.of(o.loss())));
    }
  }

  private static void inBatch(TrainingOp.InBatchNegatives o, GpuTasks to) {
    int cols = o.a().shape().cols();
    int width = o.probs().shape().cols();
    int count = to.count(o.a());
    int candidates = to.count(o.b());
    ProductLowering.product(to, Matrices.of(new Strided(count, to.at(o.a()), cols, 1), ProductLowering.inMemory(to, candidates, o.b(), 1, cols),
        to.layout().count(cols), o.scale(), false, to.at(o.probs()), width));
    to.grouped(Kernel.IN_BATCH, count, width, (n, c) -> new Descriptors.InBatch(n, c, candidates, to.at(o.probs()), width,
        to.at(o.rowLoss())));
  }

  private static void inBatchGrad(TrainingOp.InBatchNegativesGrad o, GpuTasks to) {
    int cols = o.out().shape().cols();
    int width = o.probs().shape().cols();
    int count = to.count(o.out());
    ProductLowering.product(to, Matrices.of(new Strided(count, to.at(o.probs()), o.transposed() ? 1 : width, o.transposed() ? width : 1),
        ProductLowering.inMemory(to, to.layout().count(cols), o.other(), cols, 1), to.count(o.other()), o.scale(), false, to.at(o.out()), cols));
  }
}
