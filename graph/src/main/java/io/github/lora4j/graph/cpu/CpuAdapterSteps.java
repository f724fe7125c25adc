package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.AdapterOp;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;

/** Binds the ops of adapters. */
record CpuAdapterSteps(CpuSteps of, Kernels k) {

  CpuSteps.Step bind(AdapterOp op) {
    return switch (op) {
      case AdapterOp.ScaleColumns o -> scaleColumns(o);
      case AdapterOp.ColumnDots o -> columnDots(o);
      case AdapterOp.AddTo o -> of.binary(o.x(), o.total(), o.total(), k::add);
    };
  }

  private CpuSteps.Step scaleColumns(AdapterOp.ScaleColumns o) {
    MemorySegment x = of.s(o.x());
    MemorySegment scale = of.s(o.scale());
    MemorySegment center = of.s(o.center());
    MemorySegment y = of.s(o.y());
    int cols = o.x().shape().cols();
    return of.rows(o.x(), cols, (from, to) -> k.scaleColumns(x, scale, center, y, cols, from, to));
  }

  private CpuSteps.Step columnDots(AdapterOp.ColumnDots o) {
    MemorySegment dy = of.s(o.dy());
    MemorySegment x = of.s(o.x());
    MemorySegment center = of.s(o.center());
    int cols = o.x().shape().cols();
    return of.columnSums(o.dy(), o.sums(), (to, slot, first, end) -> k.columnDots(dy, x, center, to, slot, cols, first, end));
  }
}
