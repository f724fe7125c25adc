package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.RowOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Binds the ops that pick rows or sum ranges of them. */
final class CpuRowSteps {

  private CpuRowSteps() {}

  static List<CpuBinder<?>> binders() {
    return List.of(new Gather(),
        CpuBinder.of(RowOp.AppendRows.class, CpuRowSteps::appendRows),
        CpuBinder.of(RowOp.ScatterAdd.class, CpuRowSteps::scatterAdd),
        CpuBinder.of(RowOp.RangeSum.class, CpuRowSteps::rangeSum),
        CpuBinder.of(RowOp.RangeSumGrad.class, CpuRowSteps::rangeSumGrad));
  }

  /** A frozen table stays as it is stored. */
  private static final class Gather implements CpuBinder<RowOp.Gather> {
    @Override
    public Class<RowOp.Gather> op() {
      return RowOp.Gather.class;
    }

    @Override
    public CpuPlan.Form form(RowOp.Gather o, Value weight) {
      return o.table().equals(weight) ? CpuPlan.Form.TABLE : CpuPlan.Form.RAW;
    }

    private static WeightFormat format(RowOp.Gather o, CpuTarget target) {
      return o.table().role() == Value.Role.FROZEN ? target.weights(o.table()) : target.elements();
    }

    @Override
    public CpuScratch scratch(RowOp.Gather o, CpuTarget target) {
      return new CpuScratch(0, target.kernels().tableScratchBytes(format(o, target), o.y().shape().cols()));
    }

    @Override
    public CpuSteps.Step bind(RowOp.Gather o, CpuSteps at) {
      Kernels k = at.kernels();
      Kernels.Table[] tables = new Kernels.Table[at.workers().threads()];
      Arrays.setAll(tables, worker -> o.table().role() == Value.Role.FROZEN ? at.table(o.table(), at.scratch(worker))
          : new Kernels.Table(at.s(o.table()), at.plan().target().elements(), at.scratch(worker)));
      MemorySegment ids = at.s(o.ids());
      MemorySegment addend = o.addend().map(at::s).orElse(MemorySegment.NULL);
      MemorySegment y = at.s(o.y());
      int cols = o.y().shape().cols();
      return at.workerRows(o.y(), cols, (from, to, worker) -> k.gather(tables[worker], ids, addend, y, cols, from, to));
    }
  }

  private static CpuSteps.Step appendRows(RowOp.AppendRows o, CpuSteps at) {
    MemorySegment x = at.s(o.x());
    MemorySegment rows = at.s(o.rows());
    MemorySegment state = at.s(o.state());
    long bytes = (long) at.floats().bytes() * o.x().shape().cols();
    int capacity = o.state().shape().rows();
    return at.rows(o.x(), o.x().shape().cols(), (from, to) -> {
      for (int i = from; i < to; i++) {
        int row = Objects.checkIndex(CpuSteps.at(rows, i), capacity);
        MemorySegment.copy(x, i * bytes, state, row * bytes, bytes);
      }
    });
  }

  private static CpuSteps.Step scatterAdd(RowOp.ScatterAdd o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment dy = at.s(o.dy());
    Kernels.ScatterIndex index = new Kernels.ScatterIndex(at.s(o.index().unique()), at.s(o.index().starts()), at.s(o.index().order()));
    MemorySegment table = at.s(o.table());
    int cols = o.dy().shape().cols();
    return at.rows(o.index().unique(), cols, (from, to) -> k.scatterAdd(dy, index, o.mean(), table, cols, from, to));
  }

  private static CpuSteps.Step rangeSum(RowOp.RangeSum o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment x = at.s(o.x());
    MemorySegment ranges = at.s(o.ranges());
    MemorySegment y = at.s(o.y());
    int cols = o.x().shape().cols();
    return at.rows(o.y(), cols, (from, to) -> k.rangeSum(x, ranges, o.mean(), y, cols, from, to));
  }

  private static CpuSteps.Step rangeSumGrad(RowOp.RangeSumGrad o, CpuSteps at) {
    Kernels k = at.kernels();
    MemorySegment dy = at.s(o.dy());
    MemorySegment ranges = at.s(o.ranges());
    MemorySegment addend = o.addend().map(at::s).orElse(MemorySegment.NULL);
    MemorySegment dx = at.s(o.dx());
    int cols = o.dx().shape().cols();
    int[] live = at.live(o.dx());
    int[] count = at.live(o.dy());
    CpuSteps.Step spread = at.rows(o.dy(), cols, (from, to) -> k.rangeSumGrad(dy, ranges, o.mean(), addend, dx, cols, from, to));
    return () -> {
      if (CpuSteps.covered(ranges, 2, 1, count[0]) < live[0]) {
        if (o.addend().isEmpty()) {
          dx.fill((byte) 0);
        } else if (addend.address() != dx.address()) {
          MemorySegment.copy(addend, 0, dx, 0, dx.byteSize());
        }
      }
      spread.run();
    };
  }
}
