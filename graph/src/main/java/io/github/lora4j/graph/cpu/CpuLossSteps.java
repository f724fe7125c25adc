package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.LossOp;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Binds the ops that losses are made of. */
final class CpuLossSteps {

  private CpuLossSteps() {}

  static List<CpuBinder<?>> binders() {
    return List.of(CpuBinder.of(LossOp.LogSoftmaxAt.class, CpuLossSteps::logSoftmaxAt),
        CpuBinder.of(LossOp.LogSoftmaxAtGrad.class, CpuLossSteps::logSoftmaxAtGrad),
        CpuBinder.of(LossOp.Likeliest.class, CpuLossSteps::likeliest), new CpuVocabulary());
  }

  private static CpuSteps.Step likeliest(LossOp.Likeliest o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment logits = at.s(o.logits());
    MemorySegment y = at.s(o.y());
    int cols = o.logits().shape().cols();
    return at.rows(o.logits(), cols, (from, to) -> k.likeliest(logits, y, cols, from, to));
  }

  private static CpuSteps.Step logSoftmaxAt(LossOp.LogSoftmaxAt o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment logits = at.s(o.logits());
    MemorySegment columns = at.s(o.columns());
    MemorySegment y = at.s(o.y());
    MemorySegment stats = at.s(o.stats());
    int cols = o.logits().shape().cols();
    int picks = o.columns().shape().cols();
    return at.rows(o.logits(), cols, (from, to) -> k.logSoftmaxAt(logits, columns, picks, y, stats, cols, from, to));
  }

  private static CpuSteps.Step logSoftmaxAtGrad(LossOp.LogSoftmaxAtGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment logits = at.s(o.logits());
    MemorySegment columns = at.s(o.columns());
    MemorySegment stats = at.s(o.stats());
    MemorySegment dy = at.s(o.dy());
    MemorySegment dLogits = at.s(o.dLogits());
    int cols = o.logits().shape().cols();
    int picks = o.columns().shape().cols();
    return at.rows(o.logits(), cols, (from, to) -> k.logSoftmaxAtGrad(logits, columns, picks, stats, dy, dLogits, cols, from, to));
  }
}
