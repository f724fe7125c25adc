package io.github.lora4j.tornado;

import io.github.lora4j.graph.LayoutOp;
import io.github.lora4j.graph.Value;
import java.util.List;

/** Ops that move elements. */
final class LayoutLowering {

  private LayoutLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(GpuBinder.of(LayoutOp.Split.class, (o, to) -> columns(to, o.x(), o.groups(), o.parts(), true)),
        GpuBinder.of(LayoutOp.Join.class, (o, to) -> columns(to, o.y(), o.groups(), o.parts(), false)),
        GpuBinder.of(LayoutOp.Spread.class, (o, to) -> to.rows(Kernel.SPREAD, o.y(), (n, c) -> new Descriptors.Spread(n, c, to.at(o.x()),
            o.x().shape().cols(), to.ints(o.spans()), to.number(LayoutOp.NOTHING), to.at(o.y())))),
        GpuBinder.of(LayoutOp.Collect.class, (o, to) -> {
          ElementLowering.copy(to, -1, o.dx());
          to.rows(Kernel.COLLECT, o.dy(), (n, c) -> new Descriptors.Collect(n, c, to.at(o.dy()), o.dx().shape().cols(), to.ints(o.spans()),
              to.at(o.dx())));
        }),
        GpuBinder.of(LayoutOp.Unfold.class, (o, to) -> to.rows(Kernel.UNFOLD, o.y(), (n, c) -> new Descriptors.Taps(n, c, to.at(o.x()),
            o.x().shape().cols(), to.ints(o.indices()), to.at(o.y())))),
        GpuBinder.of(LayoutOp.Fold.class, (o, to) -> to.rows(Kernel.FOLD, o.dx(), (n, c) -> new Descriptors.Taps(n, c, to.at(o.dy()),
            o.inverse().shape().cols(), to.ints(o.inverse()), to.at(o.dx())))));
  }

  private static void columns(GpuTasks to, Value whole, int groups, List<Value> parts, boolean split) {
    int all = whole.shape().cols() / groups;
    int next = 0;
    for (Value part : parts) {
      int first = next;
      int width = part.shape().cols() / groups;
      to.rows(Kernel.COLUMNS, part, (n, c) -> split ? new Descriptors.Columns(n, c, width, to.at(whole), all, first, to.at(part), width, 0)
          : new Descriptors.Columns(n, c, width, to.at(part), width, 0, to.at(whole), all, first));
      next += width;
    }
  }
}
