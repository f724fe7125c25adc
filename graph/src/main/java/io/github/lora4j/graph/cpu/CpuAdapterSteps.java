package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.AdapterOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiFunction;

/** Binds the ops of adapters. */
record CpuAdapterSteps(CpuSteps of, Kernels k) {

  static List<CpuBinder<?>> binders() {
    return List.of(bind(AdapterOp.ScaleColumns.class, CpuAdapterSteps::scaleColumns),
        CpuBinder.of(AdapterOp.ColumnDots.class, (o, at) -> new CpuAdapterSteps(at, at.kernels()).columnDots(o),
            (o, target) -> CpuSteps.partials(o.x(), 1, target)),
        bind(AdapterOp.AddTo.class, (at, o) -> at.of.binary(o.x(), o.total(), o.total(), at.k::add)),
        bind(AdapterOp.GramPenalty.class, CpuAdapterSteps::gramPenalty),
        bind(AdapterOp.Sensitivity.class, CpuAdapterSteps::sensitivity),
        bind(AdapterOp.Mask.class, CpuAdapterSteps::mask),
        bind(AdapterOp.DoraNorm.class, CpuAdapterSteps::doraNorm));
  }

  private static <O extends Op> CpuBinder<O> bind(Class<O> op, BiFunction<CpuAdapterSteps, O, CpuSteps.Step> step) {
    return CpuBinder.of(op, (o, at) -> step.apply(new CpuAdapterSteps(at, at.kernels()), o));
  }

  private CpuSteps.Step scaleColumns(AdapterOp.ScaleColumns o) {
    MemorySegment x = of.s(o.x());
    MemorySegment scale = of.s(o.scale());
    MemorySegment center = o.center().map(of::s).orElse(MemorySegment.NULL);
    MemorySegment y = of.s(o.y());
    int cols = o.x().shape().cols();
    return of.rows(o.x(), cols, (from, to) -> k.scaleColumns(x, scale, center, y, cols, from, to));
  }

  private CpuSteps.Step gramPenalty(AdapterOp.GramPenalty o) {
    MemorySegment gram = of.s(o.gram());
    MemorySegment factor = of.s(o.factor());
    MemorySegment count = of.s(o.count());
    MemorySegment penalty = of.s(o.penalty());
    int r = o.gram().shape().rows();
    DType type = k.dtype();
    return () -> {
      double norm = k.gramPenalty(gram, Storage.get(count, type, 0) * o.weight(), factor, r);
      Storage.set(penalty, type, 0, o.weight() * norm + (o.first() ? 0 : Storage.get(penalty, type, 0)));
    };
  }

  private CpuSteps.Step sensitivity(AdapterOp.Sensitivity o) {
    MemorySegment theta = of.s(o.theta());
    MemorySegment grad = of.s(o.grad());
    MemorySegment report = of.s(o.report());
    MemorySegment importance = of.s(o.importance());
    MemorySegment uncertainty = of.s(o.uncertainty());
    MemorySegment scores = of.s(o.scores());
    int rows = o.theta().shape().rows();
    int cols = o.theta().shape().cols();
    DType type = k.dtype();
    CpuSteps.Step update = of.rows(o.theta(), cols, (from, to) -> k.sensitivity(theta, grad, Storage.get(report, type, 2), o.beta1(), o.beta2(),
        importance, uncertainty, (long) from * cols, (long) to * cols));
    if (o.byColumn()) {
      return () -> {
        update.run();
        k.columnScores(importance, uncertainty, scores, !o.first(), rows, cols);
      };
    }
    return () -> {
      update.run();
      for (int i = 0; i < rows; i++) {
        double mean = k.dot(importance, uncertainty, (long) i * cols, (long) (i + 1) * cols) / cols;
        Storage.set(scores, type, i, mean + (o.first() ? 0 : Storage.get(scores, type, i)));
      }
    };
  }

  private CpuSteps.Step doraNorm(AdapterOp.DoraNorm o) {
    MemorySegment norms = of.s(o.norms());
    MemorySegment m = of.s(o.m());
    MemorySegment b = of.s(o.b());
    MemorySegment t = of.s(o.t());
    MemorySegment inverse = of.s(o.inverse());
    int r = o.b().shape().cols();
    int outputs = o.b().shape().rows();
    return () -> k.doraNorm(norms, m, b, t, o.scaling(), inverse, r, outputs, 0, outputs);
  }

  private CpuSteps.Step mask(AdapterOp.Mask o) {
    MemorySegment theta = of.s(o.theta());
    MemorySegment mask = of.s(o.mask());
    long elements = o.theta().shape().elements();
    return () -> k.mask(theta, mask, 0, elements);
  }

  private CpuSteps.Step columnDots(AdapterOp.ColumnDots o) {
    MemorySegment dy = of.s(o.dy());
    MemorySegment x = of.s(o.x());
    MemorySegment center = o.center().map(of::s).orElse(MemorySegment.NULL);
    int cols = o.x().shape().cols();
    return of.columnSums(o.dy(), o.sums(), (to, slot, first, end) -> k.columnDots(dy, x, center, to, slot, cols, first, end));
  }
}
