package io.github.lora4j.graph.cpu;

import static io.github.lora4j.graph.cpu.CpuSteps.at;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;

/** Binds attention, head by head. */
final class CpuAttentionSteps {

  /** Columns of the table of segments: start and length of queries, start and length of keys, position. */
  private static final int TABLE = 5;

  private CpuAttentionSteps() {}

  static List<CpuBinder<?>> binders() {
    return List.of(CpuBinder.of(AttentionOp.Attention.class, CpuAttentionSteps::attention, CpuAttentionSteps::scratch),
        CpuBinder.of(AttentionOp.AttentionGrad.class, CpuAttentionSteps::attentionGrad, (o, target) -> scratch(o.forward(), target)),
        CpuBinder.of(AttentionOp.AttentionBiasGrad.class, CpuAttentionSteps::biasGrad, (o, target) -> scratch(o.forward(), target)));
  }

  private static AttentionSpec.Bias bias(AttentionOp.Attention o, CpuSteps of) {
    return bias(o.by(), of);
  }

  private static AttentionSpec.Bias bias(AttentionOp.Distances by, CpuSteps of) {
    MemorySegment[] tables = Stream.of(by.bias(), by.keys(), by.queries()).map(v -> v.map(of::s).orElse(MemorySegment.NULL))
        .toArray(MemorySegment[]::new);
    return new AttentionSpec.Bias(tables[0], tables[1], tables[2], distances(by) / 2);
  }

  private static int distances(AttentionOp.Distances by) {
    return Op.list(by.bias(), by.keys(), by.queries()).stream().mapToInt(v -> v.shape().rows()).max().orElse(0);
  }

  private static CpuScratch scratch(AttentionOp.Attention o, CpuTarget target) {
    return new CpuScratch(0, target.kernels().attentionScratchBytes(o.spec(), o.maxLength(), o.by().vectors() ? distances(o.by()) : 0));
  }

  private static CpuSteps.Step attention(AttentionOp.Attention o, CpuSteps of) {
    Kernels kernels = of.kernels();
    MemorySegment q = of.s(o.q());
    MemorySegment k = of.s(o.k());
    MemorySegment v = of.s(o.v());
    AttentionSpec.Bias bias = bias(o, of);
    MemorySegment table = of.s(o.segments());
    MemorySegment out = of.s(o.out());
    MemorySegment lse = of.s(o.lse());
    int[] segments = of.live(o.segments());
    int[] queries = of.live(o.q());
    HeadTasks tasks = heads(o, of, o.spec().heads(), new MemorySegment[] {q}, (segment, head, worker) -> {
      long row = (long) segment * TABLE;
      kernels.attention(o.spec(), q, k, v, bias, out, lse, at(table, row), at(table, row + 1), at(table, row + 2), at(table, row + 3),
          at(table, row + 4), head, of.scratch(worker));
    });
    return () -> {
      if (CpuSteps.covered(table, TABLE, 1, segments[0]) < queries[0]) {
        out.fill((byte) 0);
        lse.fill((byte) 0);
      }
      tasks.run(of.workers(), segments[0]);
    };
  }

  private static CpuSteps.Step attentionGrad(AttentionOp.AttentionGrad o, CpuSteps of) {
    Kernels kernels = of.kernels();
    AttentionOp.Attention f = o.forward();
    MemorySegment q = of.s(f.q());
    MemorySegment k = of.s(f.k());
    MemorySegment v = of.s(f.v());
    AttentionSpec.Bias bias = bias(f, of);
    MemorySegment table = of.s(f.segments());
    MemorySegment lse = of.s(f.lse());
    MemorySegment dout = of.s(o.dout());
    MemorySegment dq = o.dq().map(of::s).orElse(MemorySegment.NULL);
    MemorySegment dk = o.dk().map(of::s).orElse(MemorySegment.NULL);
    MemorySegment dv = o.dv().map(of::s).orElse(MemorySegment.NULL);
    int[] segments = of.live(f.segments());
    HeadTasks tasks = heads(f, of, f.spec().kvHeads(), new MemorySegment[] {q, dout}, (segment, head, worker) -> {
      long row = (long) segment * TABLE;
      kernels.attentionGrad(f.spec(), q, k, v, bias, lse, dout, dq, dk, dv, at(table, row), at(table, row + 1), at(table, row + 2),
          at(table, row + 3), at(table, row + 4), head, of.scratch(worker));
    });
    int[] queries = of.live(f.q());
    int[] keyRows = of.live(f.k());
    return () -> {
      if (CpuSteps.covered(table, TABLE, 1, segments[0]) < queries[0]) {
        dq.fill((byte) 0);
      }
      if (CpuSteps.covered(table, TABLE, 3, segments[0]) < keyRows[0]) {
        dk.fill((byte) 0);
        dv.fill((byte) 0);
      }
      tasks.run(of.workers(), segments[0]);
    };
  }

  /** A head a task, its segments in order, so that sums have the same bits for any number of threads. */
  private static CpuSteps.Step biasGrad(AttentionOp.AttentionBiasGrad o, CpuSteps of) {
    Kernels kernels = of.kernels();
    AttentionOp.Attention f = o.forward();
    MemorySegment q = of.s(f.q());
    MemorySegment k = of.s(f.k());
    MemorySegment v = of.s(f.v());
    AttentionSpec.Bias bias = bias(f, of);
    MemorySegment table = of.s(f.segments());
    MemorySegment lse = of.s(f.lse());
    MemorySegment dout = of.s(o.dout());
    AttentionSpec.Bias dBias = bias(o.dBy(), of);
    int[] segments = of.live(f.segments());
    Workers.Task head = (index, worker) -> {
      for (int s = 0; s < segments[0]; s++) {
        long row = (long) s * TABLE;
        kernels.attentionBiasGrad(f.spec(), q, k, v, bias, lse, dout, dBias, at(table, row), at(table, row + 1), at(table, row + 2),
            at(table, row + 3), at(table, row + 4), index, of.scratch(worker));
      }
    };
    CpuSteps.Step step = () -> of.workers().run(f.spec().heads(), head);
    for (Value sum : o.outputs()) {
      step = of.fresh(sum, step);
    }
    return step;
  }

  private static HeadTasks heads(AttentionOp.Attention o, CpuSteps of, int heads, MemorySegment[] queries, HeadTasks.Head work) {
    long bytes = of.floats().bytes();
    MemorySegment[] keys = {of.s(o.k()), of.s(o.v())};
    return new HeadTasks(heads, of.s(o.segments()), queries, bytes * o.q().shape().cols(), keys, bytes * o.k().shape().cols(),
        of.workers().threads(), work);
  }
}
