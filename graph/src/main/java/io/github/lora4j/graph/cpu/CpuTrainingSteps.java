package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.TrainingOp;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Binds losses, their sums, and the ends of an optimizer step. */
final class CpuTrainingSteps {

  private CpuTrainingSteps() {}

  static List<CpuBinder<?>> binders() {
    return List.of(CpuBinder.of(TrainingOp.RowLoss.class, CpuTrainingSteps::rowLoss),
        CpuBinder.of(TrainingOp.RowLossGrad.class, CpuTrainingSteps::rowLossGrad),
        CpuBinder.of(TrainingOp.InBatchNegatives.class, CpuTrainingSteps::inBatchNegatives),
        CpuBinder.of(TrainingOp.InBatchNegativesGrad.class, CpuTrainingSteps::inBatchNegativesGrad),
        CpuBinder.of(TrainingOp.AddSum.class, CpuTrainingSteps::addSum),
        CpuBinder.of(TrainingOp.CountTargets.class, CpuTrainingSteps::countTargets),
        CpuBinder.of(TrainingOp.OptimizerStep.class, CpuOptimizer::new),
        CpuBinder.of(TrainingOp.ClearGradients.class, CpuTrainingSteps::clearGradients));
  }

  private static CpuSteps.Step rowLoss(TrainingOp.RowLoss o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment predictions = at.s(o.predictions());
    MemorySegment labels = at.s(o.labels());
    MemorySegment loss = at.s(o.rowLoss());
    int cols = o.predictions().shape().cols();
    return at.rows(o.predictions(), cols, (from, to) -> k.loss(o.loss(), predictions, labels, loss, cols, from, to));
  }

  private static CpuSteps.Step rowLossGrad(TrainingOp.RowLossGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment predictions = at.s(o.predictions());
    MemorySegment labels = at.s(o.labels());
    MemorySegment d = at.s(o.dPredictions());
    int cols = o.predictions().shape().cols();
    return at.rows(o.predictions(), cols, (from, to) -> k.lossGrad(o.loss(), predictions, labels, d, cols, from, to));
  }

  private static CpuSteps.Step inBatchNegatives(TrainingOp.InBatchNegatives o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment a = at.s(o.a());
    MemorySegment b = at.s(o.b());
    MemorySegment probs = at.s(o.probs());
    MemorySegment loss = at.s(o.rowLoss());
    int cols = o.a().shape().cols();
    int ld = o.probs().shape().cols();
    int[] live = at.live(o.b());
    return at.rows(o.a(), CpuSteps.PIECE / 8, (from, to) -> k.inBatchNegatives(a, b, probs, ld, loss, o.scale(), live[0], cols, from, to));
  }

  private static CpuSteps.Step inBatchNegativesGrad(TrainingOp.InBatchNegativesGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment probs = at.s(o.probs());
    MemorySegment other = at.s(o.other());
    MemorySegment out = at.s(o.out());
    int cols = o.out().shape().cols();
    int ld = o.probs().shape().cols();
    int[] live = at.live(o.other());
    return at.rows(o.out(), CpuSteps.PIECE / 8,
        (from, to) -> k.inBatchNegativesGrad(probs, ld, other, o.transposed(), o.scale(), out, live[0], cols, from, to));
  }

  private static CpuSteps.Step addSum(TrainingOp.AddSum o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment total = at.s(o.total());
    int[] live = at.live(o.x());
    int cols = o.x().shape().cols();
    return () -> Storage.set(total, at.floats(), 0, Storage.get(total, at.floats(), 0) + k.sum(x, 0, (long) live[0] * cols));
  }

  private static CpuSteps.Step clearGradients(TrainingOp.ClearGradients o, CpuSteps at) {
    MemorySegment gradients = at.arena(Executable.Arena.GRADIENTS);
    MemorySegment lossSum = at.s(o.lossSum());
    MemorySegment count = at.s(o.count());
    return () -> {
      gradients.fill((byte) 0);
      lossSum.fill((byte) 0);
      count.fill((byte) 0);
    };
  }

  private static CpuSteps.Step countTargets(TrainingOp.CountTargets o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment labels = at.s(o.labels());
    MemorySegment total = at.s(o.total());
    int[] live = at.live(o.labels());
    // Classes are checked where the loss is computed; their number is not known here.
    int cols = o.loss().isPresent() && o.loss().get() == Loss.CROSS_ENTROPY ? Integer.MAX_VALUE : o.labels().shape().cols();
    return () -> {
      long more = o.loss().isPresent() ? k.targets(o.loss().get(), labels, cols, 0, live[0]) : live[0];
      Storage.set(total, at.floats(), 0, Storage.get(total, at.floats(), 0) + more);
    };
  }
}
