package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.LayoutOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.BiFunction;

/** Binds the ops that only move elements. */
record CpuLayoutSteps(CpuSteps of, Kernels k) {

  static List<CpuBinder<?>> binders() {
    return List.of(bind(LayoutOp.Split.class, (at, o) -> at.columns(o.x(), o.groups(), o.parts(), true)),
        bind(LayoutOp.Join.class, (at, o) -> at.columns(o.y(), o.groups(), o.parts(), false)),
        bind(LayoutOp.Spread.class, CpuLayoutSteps::spread),
        bind(LayoutOp.Collect.class, CpuLayoutSteps::collect),
        bind(LayoutOp.Unfold.class, CpuLayoutSteps::unfold),
        bind(LayoutOp.Fold.class, CpuLayoutSteps::fold));
  }

  private static <O extends Op> CpuBinder<O> bind(Class<O> op, BiFunction<CpuLayoutSteps, O, CpuSteps.Step> step) {
    return CpuBinder.of(op, (o, at) -> step.apply(new CpuLayoutSteps(at, at.kernels()), o));
  }

  private CpuSteps.Step columns(Value whole, int groups, List<Value> parts, boolean split) {
    int cols = whole.shape().cols() / groups;
    int[] widths = new int[parts.size()];
    Kernels.Part[] sides = new Kernels.Part[parts.size()];
    Kernels.Part[] pieces = new Kernels.Part[parts.size()];
    int first = 0;
    for (int p = 0; p < sides.length; p++) {
      widths[p] = parts.get(p).shape().cols() / groups;
      sides[p] = new Kernels.Part(of.s(whole), cols, first);
      pieces[p] = new Kernels.Part(of.s(parts.get(p)), widths[p], 0);
      first += widths[p];
    }
    Kernels.Part[] sources = split ? sides : pieces;
    Kernels.Part[] targets = split ? pieces : sides;
    return of.rows(whole, cols * groups, (from, to) -> {
      for (int p = 0; p < sources.length; p++) {
        k.copyColumns(sources[p], targets[p], widths[p], groups * from, groups * to);
      }
    });
  }

  private CpuSteps.Step spread(LayoutOp.Spread o) {
    Kernels.Part x = whole(o.x());
    MemorySegment y = of.s(o.y());
    MemorySegment spans = of.s(o.spans());
    int most = o.y().shape().cols();
    return of.rows(o.y(), most, (from, to) -> k.spread(x, spans, LayoutOp.NOTHING, y, most, from, to));
  }

  private CpuSteps.Step collect(LayoutOp.Collect o) {
    Kernels.Part dx = whole(o.dx());
    MemorySegment dy = of.s(o.dy());
    MemorySegment spans = of.s(o.spans());
    int most = o.dy().shape().cols();
    long row = (long) dx.cols() * k.dtype().bytes();
    CpuSteps.Step clear = of.rows(o.dx(), dx.cols(), (from, to) -> dx.rows().asSlice(from * row, (to - from) * row).fill((byte) 0));
    CpuSteps.Step move = of.rows(o.dy(), most, (from, to) -> k.collect(dy, spans, dx, most, from, to));
    return () -> {
      clear.run();
      move.run();
    };
  }

  private CpuSteps.Step unfold(LayoutOp.Unfold o) {
    MemorySegment x = of.s(o.x());
    MemorySegment y = of.s(o.y());
    MemorySegment indices = of.s(o.indices());
    int channels = o.x().shape().cols();
    int taps = o.indices().shape().cols();
    return of.rows(o.y(), channels * taps, (from, to) -> k.unfold(x, indices, y, channels, taps, from, to));
  }

  private CpuSteps.Step fold(LayoutOp.Fold o) {
    MemorySegment dx = of.s(o.dx());
    MemorySegment dy = of.s(o.dy());
    MemorySegment inverse = of.s(o.inverse());
    int channels = o.dx().shape().cols();
    int taps = o.inverse().shape().cols();
    return of.rows(o.dx(), channels * taps, (from, to) -> k.fold(dy, inverse, dx, channels, taps, from, to));
  }

  private Kernels.Part whole(Value value) {
    return new Kernels.Part(of.s(value), value.shape().cols(), 0);
  }
}
