package io.github.lora4j.tornado;

import io.github.lora4j.graph.ElementOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Philox;
import java.util.List;

/** Ops on each element by itself. */
final class ElementLowering {

  private ElementLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(GpuBinder.of(ElementOp.Add.class, (o, to) -> binary(to, Kernel.ADD, o.x(), o.y(), o.out())),
        GpuBinder.of(ElementOp.Multiply.class, (o, to) -> binary(to, Kernel.MULTIPLY, o.x(), o.y(), o.out())),
        GpuBinder.of(ElementOp.Scale.class, (o, to) -> number(to, Kernel.SCALE, to.at(o.x()), o.alpha(), o.out())),
        GpuBinder.of(ElementOp.Shift.class, (o, to) -> number(to, Kernel.SHIFT, to.at(o.x()), o.beta(), o.out())),
        GpuBinder.of(ElementOp.Fill.class, (o, to) -> number(to, Kernel.SHIFT, -1, o.value(), o.out())),
        GpuBinder.of(ElementOp.Stop.class, (o, to) -> copy(to, to.at(o.x()), o.out())),
        GpuBinder.of(ElementOp.ScaleRows.class, (o, to) -> to.rows(Kernel.SCALE_ROWS, o.out(), (n, c) ->
            new Descriptors.PerRow(n, c, to.at(o.x()), to.at(o.factors()), to.at(o.out())))),
        GpuBinder.of(ElementOp.RowDots.class, (o, to) -> to.grouped(Kernel.REDUCE, o.x(), (n, c) ->
            new Descriptors.Reduce(n, c, 1, to.at(o.x()), to.at(o.y()), -1, -1, Rows.SUM, to.at(o.dots())))),
        GpuBinder.of(ElementOp.Activate.class, (o, to) -> applied(to, Kernel.ACTIVATE, o.x(), Codes.of(o.f()), o.y())),
        GpuBinder.of(ElementOp.ActivateGrad.class, (o, to) -> to.rows(Kernel.ACTIVATE_GRAD, o.dx(), (n, c) ->
            new Descriptors.AppliedGrad(n, c, to.at(o.x()), to.at(o.dy()), to.at(o.dx()), Codes.of(o.f())))),
        GpuBinder.of(ElementOp.Apply.class, (o, to) -> applied(to, Kernel.APPLY, o.x(), Codes.of(o.f()), o.y())),
        GpuBinder.of(ElementOp.ApplyGrad.class, (o, to) -> to.rows(Kernel.APPLY_GRAD, o.dx(), (n, c) ->
            new Descriptors.AppliedGrad(n, c, to.at(o.x()), to.at(o.dy()), to.at(o.dx()), Codes.of(o.f())))),
        GpuBinder.of(ElementOp.Dropout.class, (o, to) -> to.rows(Kernel.DROPOUT, o.out(), (n, c) -> new Descriptors.Dropout(n, c, to.at(o.x()),
            to.ints(o.rowKeys()), to.ints(o.random()), to.number(1 / (1 - o.p())), Philox.threshold(o.p()), o.siteHash(), to.at(o.out())))));
  }

  static void binary(GpuTasks to, Kernel kernel, Value x, Value y, Value out) {
    to.rows(kernel, x, (n, c) -> new Descriptors.Binary(n, c, to.at(x), to.at(y), to.at(out)));
  }

  private static void number(GpuTasks to, Kernel kernel, int x, double number, Value out) {
    to.rows(kernel, out, (n, c) -> new Descriptors.Scaled(n, c, x, to.number(number), to.at(out)));
  }

  private static void applied(GpuTasks to, Kernel kernel, Value x, int f, Value y) {
    to.rows(kernel, y, (n, c) -> new Descriptors.Applied(n, c, to.at(x), to.at(y), f));
  }

  /** @param x its place, or −1 for zeros */
  static void copy(GpuTasks to, int x, Value out) {
    to.rows(Kernel.COPY, out, (n, c) -> new Descriptors.Copy(n, c, x, to.at(out)));
  }
}
