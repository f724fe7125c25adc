package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.DecoderOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiFunction;

/** Binds the ops of decoders. */
record CpuDecoderSteps(CpuSteps of, Kernels k) {

  static List<CpuBinder<?>> binders() {
    return List.of(bind(DecoderOp.RmsNorm.class, CpuDecoderSteps::norm),
        bind(DecoderOp.RmsNormGrad.class, CpuDecoderSteps::normGrad),
        CpuBinder.of(DecoderOp.RmsNormParamGrad.class, (o, at) -> new CpuDecoderSteps(at, at.kernels()).paramGrad(o),
            (o, target) -> CpuSteps.partials(o.x(), 1, target)),
        bind(DecoderOp.Rope.class, CpuDecoderSteps::rope));
  }

  private static <O extends Op> CpuBinder<O> bind(Class<O> op, BiFunction<CpuDecoderSteps, O, CpuSteps.Step> step) {
    return CpuBinder.of(op, (o, at) -> step.apply(new CpuDecoderSteps(at, at.kernels()), o));
  }

  private CpuSteps.Step norm(DecoderOp.RmsNorm o) {
    MemorySegment x = of.s(o.x());
    MemorySegment gamma = of.s(o.gamma());
    MemorySegment y = of.s(o.y());
    MemorySegment stats = of.s(o.stats());
    int heads = o.stats().shape().cols();
    int cols = o.gamma().shape().cols();
    return of.rows(o.x(), heads * cols, (from, to) -> k.rmsNorm(x, gamma, y, stats, cols, o.eps(), heads * from, heads * to));
  }

  private CpuSteps.Step normGrad(DecoderOp.RmsNormGrad o) {
    MemorySegment dy = of.s(o.dy());
    MemorySegment x = of.s(o.x());
    MemorySegment stats = of.s(o.stats());
    MemorySegment gamma = of.s(o.gamma());
    MemorySegment addend = o.addend().map(of::s).orElse(MemorySegment.NULL);
    MemorySegment dx = of.s(o.dx());
    int heads = o.stats().shape().cols();
    int cols = o.gamma().shape().cols();
    return of.rows(o.x(), heads * cols, (from, to) -> k.rmsNormGrad(dy, x, stats, gamma, addend, dx, cols, heads * from, heads * to));
  }

  private CpuSteps.Step paramGrad(DecoderOp.RmsNormParamGrad o) {
    MemorySegment dy = of.s(o.dy());
    MemorySegment x = of.s(o.x());
    MemorySegment stats = of.s(o.stats());
    int heads = o.stats().shape().cols();
    int cols = o.dgamma().shape().cols();
    return of.columnSums(o.dy(), o.dgamma(), (to, slot, first, end) -> k.rmsNormParamGrad(dy, x, stats, to, slot, cols, heads * first,
        heads * end));
  }

  private CpuSteps.Step rope(DecoderOp.Rope o) {
    MemorySegment x = of.s(o.x());
    MemorySegment positions = of.s(o.positions());
    MemorySegment table = of.s(o.table());
    MemorySegment y = of.s(o.y());
    int cols = o.x().shape().cols();
    return of.rows(o.x(), cols, (from, to) -> k.rope(x, positions, table, y, o.turn(), o.inverse(), from, to));
  }
}
