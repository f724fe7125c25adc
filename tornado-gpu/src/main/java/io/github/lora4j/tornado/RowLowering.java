package io.github.lora4j.tornado;

import io.github.lora4j.graph.RowOp;
import io.github.lora4j.graph.Value;
import java.util.List;

/** Ops that pick rows or sum ranges of them. */
final class RowLowering {

  private RowLowering() {}

  static List<GpuBinder<?>> binders() {
    return List.of(new Gather(),
        GpuBinder.of(RowOp.AppendRows.class, (o, to) -> to.rows(Kernel.APPEND_ROWS, o.x(), (n, c) ->
            new Descriptors.AppendRows(n, c, to.at(o.x()), to.ints(o.rows()), to.at(o.state())))),
        GpuBinder.of(RowOp.ScatterAdd.class, (o, to) -> to.flat(Kernel.SCATTER_ADD, o.index().unique(), o.dy().shape().cols(), (n, c) ->
            new Descriptors.ScatterAdd(n, c, to.at(o.dy()), to.ints(o.index().unique()), to.ints(o.index().starts()),
                to.ints(o.index().order()), o.mean() ? 1 : 0, to.at(o.table())))),
        GpuBinder.of(RowOp.RangeSum.class, (o, to) -> to.rows(Kernel.RANGE_SUM, o.y(), (n, c) ->
            new Descriptors.Ranges(n, c, to.at(o.x()), to.ints(o.ranges()), o.mean() ? 1 : 0, to.at(o.y())))),
        GpuBinder.of(RowOp.RangeSumGrad.class, (o, to) -> {
          ElementLowering.copy(to, o.addend().map(to::at).orElse(-1), o.dx());
          to.rows(Kernel.RANGE_SUM_GRAD, o.dy(), (n, c) ->
              new Descriptors.Ranges(n, c, to.at(o.dy()), to.ints(o.ranges()), o.mean() ? 1 : 0, to.at(o.dx())));
        }));
  }

  private static final class Gather implements GpuBinder<RowOp.Gather> {
    @Override
    public Class<RowOp.Gather> op() {
      return RowOp.Gather.class;
    }

    @Override
    public boolean readsStored(RowOp.Gather o, Value weight) {
      return o.table().equals(weight);
    }

    @Override
    public void lower(RowOp.Gather o, GpuTasks to) {
      Layout.Weight table = to.layout().weight(o.table());
      int count = to.count(o.y());
      int cols = o.y().shape().cols();
      to.add(Kernel.GATHER, table.bank(), new Descriptors.Gather(count, cols, table.where(), table.at(), table.decode(), to.ints(o.ids()),
          o.addend().map(to::at).orElse(-1), to.at(o.y())), counts -> counts.applyAsInt(count) * cols);
    }
  }
}
