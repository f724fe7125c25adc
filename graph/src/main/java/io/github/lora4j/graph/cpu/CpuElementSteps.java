package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.ElementOp;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Binds the ops on each element by itself. */
final class CpuElementSteps {

  private CpuElementSteps() {}

  static List<CpuBinder<?>> binders() {
    return List.of(new Activate(), new ActivateGrad(),
        CpuBinder.of(ElementOp.Add.class, (o, at) -> at.binary(o.x(), o.y(), o.out(), at.kernels()::add)),
        CpuBinder.of(ElementOp.Multiply.class, (o, at) -> at.binary(o.x(), o.y(), o.out(), at.kernels()::multiply)),
        CpuBinder.of(ElementOp.Scale.class, CpuElementSteps::scale),
        CpuBinder.of(ElementOp.Shift.class, CpuElementSteps::shift),
        CpuBinder.of(ElementOp.Fill.class, CpuElementSteps::fill),
        CpuBinder.of(ElementOp.Stop.class, CpuElementSteps::stop),
        CpuBinder.of(ElementOp.ScaleRows.class, CpuElementSteps::scaleRows),
        CpuBinder.of(ElementOp.RowDots.class, CpuElementSteps::rowDots),
        CpuBinder.of(ElementOp.Apply.class, CpuElementSteps::apply),
        CpuBinder.of(ElementOp.ApplyGrad.class, CpuElementSteps::applyGrad),
        CpuBinder.of(ElementOp.Dropout.class, CpuElementSteps::dropout));
  }

  private static final class Activate implements CpuBinder<ElementOp.Activate> {
    @Override
    public Class<ElementOp.Activate> op() {
      return ElementOp.Activate.class;
    }

    @Override
    public CpuSteps.Step bind(ElementOp.Activate o, CpuSteps at) {
      Kernels k = at.kernels();
      return at.unary(o.x(), o.y(), (x, y, from, to) -> k.activation(o.f(), x, y, from, to));
    }

    @Override
    public Gemm.Then then(ElementOp.Activate o, CpuSteps at) {
      Kernels k = at.kernels();
      MemorySegment x = at.s(o.x());
      MemorySegment y = at.s(o.y());
      return (from, to) -> k.activation(o.f(), x, y, from, to);
    }
  }

  private static final class ActivateGrad implements CpuBinder<ElementOp.ActivateGrad> {
    @Override
    public Class<ElementOp.ActivateGrad> op() {
      return ElementOp.ActivateGrad.class;
    }

    @Override
    public CpuSteps.Step bind(ElementOp.ActivateGrad o, CpuSteps at) {
      Kernels k = at.kernels();
      return at.binary(o.x(), o.dy(), o.dx(), (x, dy, dx, from, to) -> k.activationGrad(o.f(), x, dy, dx, from, to));
    }

    @Override
    public Gemm.Then then(ElementOp.ActivateGrad o, CpuSteps at) {
      Kernels k = at.kernels();
      MemorySegment x = at.s(o.x());
      MemorySegment dy = at.s(o.dy());
      MemorySegment dx = at.s(o.dx());
      return (from, to) -> k.activationGrad(o.f(), x, dy, dx, from, to);
    }
  }

  private static CpuSteps.Step scale(ElementOp.Scale o, CpuSteps at) {
    Kernels k = at.kernels();
    return at.unary(o.x(), o.out(), (x, out, from, to) -> k.scale(x, o.alpha(), out, from, to));
  }

  private static CpuSteps.Step shift(ElementOp.Shift o, CpuSteps at) {
    Kernels k = at.kernels();
    return at.unary(o.x(), o.out(), (x, out, from, to) -> k.shift(x, o.beta(), out, from, to));
  }

  private static CpuSteps.Step fill(ElementOp.Fill o, CpuSteps at) {
    Kernels k = at.kernels();
    return at.unary(o.out(), o.out(), (x, out, from, to) -> k.shift(MemorySegment.NULL, o.value(), out, from, to));
  }

  private static CpuSteps.Step stop(ElementOp.Stop o, CpuSteps at) {
    MemorySegment x = at.s(o.x());
    MemorySegment out = at.s(o.out());
    long bytes = (long) o.x().shape().cols() * at.floats().bytes();
    return at.rows(o.x(), o.x().shape().cols(), (from, to) -> MemorySegment.copy(x, from * bytes, out, from * bytes, (to - from) * bytes));
  }

  private static CpuSteps.Step scaleRows(ElementOp.ScaleRows o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment factors = at.s(o.factors());
    MemorySegment out = at.s(o.out());
    long cols = o.x().shape().cols();
    return at.rows(o.x(), o.x().shape().cols(), (from, to) -> {
      for (int i = from; i < to; i++) {
        k.scale(x, Storage.get(factors, k.dtype(), i), out, i * cols, (i + 1) * cols);
      }
    });
  }

  private static CpuSteps.Step rowDots(ElementOp.RowDots o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment y = at.s(o.y());
    MemorySegment dots = at.s(o.dots());
    long cols = o.x().shape().cols();
    return at.rows(o.x(), o.x().shape().cols(), (from, to) -> {
      for (int i = from; i < to; i++) {
        Storage.set(dots, k.dtype(), i, k.dot(x, y, i * cols, (i + 1) * cols));
      }
    });
  }

  private static CpuSteps.Step apply(ElementOp.Apply o, CpuSteps at) {
    Kernels k = at.kernels();
    return at.unary(o.x(), o.y(), (x, y, from, to) -> k.function(o.f(), x, y, from, to));
  }

  private static CpuSteps.Step applyGrad(ElementOp.ApplyGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    return at.binary(o.x(), o.dy(), o.dx(), (x, dy, dx, from, to) -> k.functionGrad(o.f(), x, dy, dx, from, to));
  }

  private static CpuSteps.Step dropout(ElementOp.Dropout o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment keys = at.s(o.rowKeys());
    MemorySegment random = at.s(o.random());
    MemorySegment out = at.s(o.out());
    int cols = o.x().shape().cols();
    int site = o.siteHash();
    return at.rows(o.x(), cols, (from, to) -> k.dropout(x, keys, random, site, o.p(), out, cols, from, to));
  }
}
