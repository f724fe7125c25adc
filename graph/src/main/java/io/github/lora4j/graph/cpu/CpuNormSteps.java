package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.NormOp;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Binds the norms of encoders and of sentence vectors. */
final class CpuNormSteps {

  private CpuNormSteps() {}

  static List<CpuBinder<?>> binders() {
    return List.of(CpuBinder.of(NormOp.LayerNorm.class, CpuNormSteps::layerNorm),
        CpuBinder.of(NormOp.LayerNormGrad.class, CpuNormSteps::layerNormGrad),
        CpuBinder.of(NormOp.LayerNormParamGrad.class, CpuNormSteps::layerNormParamGrad, (o, target) -> CpuSteps.partials(o.x(), 2, target)),
        CpuBinder.of(NormOp.L2Normalize.class, CpuNormSteps::l2Normalize),
        CpuBinder.of(NormOp.L2NormalizeGrad.class, CpuNormSteps::l2NormalizeGrad));
  }

  private static CpuSteps.Step layerNorm(NormOp.LayerNorm o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment gamma = at.s(o.gamma());
    MemorySegment beta = at.s(o.beta());
    MemorySegment y = at.s(o.y());
    MemorySegment stats = at.s(o.stats());
    int cols = o.x().shape().cols();
    return at.rows(o.x(), cols, (from, to) -> k.layerNorm(x, gamma, beta, y, stats, cols, o.eps(), from, to));
  }

  private static CpuSteps.Step layerNormGrad(NormOp.LayerNormGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment dy = at.s(o.dy());
    MemorySegment x = at.s(o.x());
    MemorySegment stats = at.s(o.stats());
    MemorySegment gamma = at.s(o.gamma());
    MemorySegment addend = o.addend().map(at::s).orElse(MemorySegment.NULL);
    MemorySegment dx = at.s(o.dx());
    int cols = o.x().shape().cols();
    return at.rows(o.x(), cols, (from, to) -> k.layerNormGrad(dy, x, stats, gamma, addend, dx, cols, from, to));
  }

  private static CpuSteps.Step layerNormParamGrad(NormOp.LayerNormParamGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment dy = at.s(o.dy());
    MemorySegment x = at.s(o.x());
    MemorySegment stats = at.s(o.stats());
    MemorySegment dgamma = o.dgamma().map(at::s).orElse(MemorySegment.NULL);
    MemorySegment dbeta = o.dbeta().map(at::s).orElse(MemorySegment.NULL);
    int cols = o.x().shape().cols();
    long half = CpuSteps.partials(o.x(), 1, at.plan().target()).shared();
    MemorySegment gammaPartials = at.scratch().asSlice(0, half);
    MemorySegment betaPartials = at.scratch().asSlice(half, half);
    int[] live = at.live(o.x());
    return at.reduce(o.x(), (i, worker) -> k.layerNormParamGrad(dy, x, stats, gammaPartials, betaPartials, i, cols,
        i * CpuSteps.PARTIAL_ROWS, Math.min(live[0], (i + 1) * CpuSteps.PARTIAL_ROWS)), () -> {
          if (o.dgamma().isPresent()) {
            k.addPartials(gammaPartials, CpuSteps.partials(live[0]), dgamma, cols, 0, cols);
          }
          if (o.dbeta().isPresent()) {
            k.addPartials(betaPartials, CpuSteps.partials(live[0]), dbeta, cols, 0, cols);
          }
        });
  }

  private static CpuSteps.Step l2Normalize(NormOp.L2Normalize o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment y = at.s(o.y());
    MemorySegment norms = at.s(o.norms());
    int cols = o.x().shape().cols();
    return at.rows(o.x(), cols, (from, to) -> k.l2Normalize(x, y, norms, cols, o.eps(), from, to));
  }

  private static CpuSteps.Step l2NormalizeGrad(NormOp.L2NormalizeGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment dy = at.s(o.dy());
    MemorySegment y = at.s(o.y());
    MemorySegment norms = at.s(o.norms());
    MemorySegment dx = at.s(o.dx());
    int cols = o.y().shape().cols();
    return at.rows(o.y(), cols, (from, to) -> k.l2NormalizeGrad(dy, y, norms, dx, cols, from, to));
  }
}
