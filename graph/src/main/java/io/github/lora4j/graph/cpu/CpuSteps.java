package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.AdapterOp;
import io.github.lora4j.graph.DecoderOp;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.LayoutOp;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.TrainingOp;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Binds each op to its segments and kernel. All objects are made here, so that running them allocates nothing. */
final class CpuSteps {

  /** A bound op. */
  interface Step {
    void run();
  }

  /** Work on rows [from, to). */
  interface Rows {
    void run(int from, int to);
  }

  /** Elements per piece of row work: fixed by shape, so results do not depend on threads; large enough to hide the hand-over. */
  private static final int PIECE = 16384;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  private final CpuExecutable memoryOf;
  private final CpuPlan plan;
  private final Kernels k;
  private final Workers workers;
  private final CpuProducts products;
  private final MemorySegment[] attentionScratch;
  private final MemorySegment partials;

  CpuSteps(CpuExecutable memoryOf, CpuPlan plan, Kernels kernels, Workers workers, Memory memory) {
    this.memoryOf = memoryOf;
    this.plan = plan;
    this.k = kernels;
    this.workers = workers;
    products = new CpuProducts(memoryOf, plan, kernels, workers, memory);
    MemorySegment all = memory.allocate(plan.attentionScratch() * plan.threads(), "attention scratch");
    attentionScratch = new MemorySegment[plan.threads()];
    for (int i = 0; i < attentionScratch.length; i++) {
      attentionScratch[i] = all.asSlice(i * plan.attentionScratch(), plan.attentionScratch());
    }
    partials = memory.allocate(plan.partials(), "partial sums");
  }

  MemorySegment s(Value value) {
    return memoryOf.segment(value);
  }

  MemorySegment s(Optional<Value> value) {
    return memoryOf.segment(value);
  }

  /** A product and what {@link io.github.lora4j.graph.Fusion} lets follow it. */
  Step bind(Op op, Op next) {
    return products.bind(op, next);
  }

  Step bind(Op op) {
    return switch (op) {
      case Op.Linear o -> products.bind(o);
      case Op.LinearInputGrad o -> products.bind(o);
      case Op.LinearWeightGrad o -> fresh(o.dw(), products.bind(o));
      case Op.ColumnSum o -> columnSum(o);
      case Op.Gather o -> gather(o);
      case Op.ScatterAdd o -> scatterAdd(o);
      case Op.LayerNorm o -> layerNorm(o);
      case Op.LayerNormGrad o -> layerNormGrad(o);
      case Op.LayerNormParamGrad o -> layerNormParamGrad(o);
      case Op.Add o -> binary(o.x(), o.y(), o.out(), k::add);
      case Op.Multiply o -> binary(o.x(), o.y(), o.out(), k::multiply);
      case Op.Scale o -> scale(o);
      case Op.Activate o -> activate(o);
      case Op.ActivateGrad o -> binary(o.x(), o.dy(), o.dx(), (x, dy, dx, from, to) -> k.activationGrad(o.f(), x, dy, dx, from, to));
      case Op.Attention o -> attention(o);
      case Op.AttentionGrad o -> attentionGrad(o);
      case Op.RangeMean o -> rangeMean(o);
      case Op.RangeMeanGrad o -> rangeMeanGrad(o);
      case Op.L2Normalize o -> l2Normalize(o);
      case Op.L2NormalizeGrad o -> l2NormalizeGrad(o);
      case Op.Dropout o -> dropout(o);
      case TrainingOp.RowLoss o -> rowLoss(o);
      case TrainingOp.RowLossGrad o -> rowLossGrad(o);
      case TrainingOp.InBatchNegatives o -> inBatchNegatives(o);
      case TrainingOp.InBatchNegativesGrad o -> inBatchNegativesGrad(o);
      case TrainingOp.AddSum o -> addSum(o);
      case TrainingOp.CountTargets o -> countTargets(o);
      case TrainingOp.OptimizerStep o -> new CpuOptimizer(o, memoryOf, plan, k, workers);
      case TrainingOp.ClearGradients o -> clearGradients(o);
      case AdapterOp o -> new CpuAdapterSteps(this, k).bind(o);
      case DecoderOp o -> new CpuDecoderSteps(this, k).bind(o);
      case LayoutOp o -> new CpuLayoutSteps(this, plan.floats()).bind(o);
    };
  }

  /** Kernels that add do so to a slot; a temporary starts from zero. */
  Step fresh(Value sum, Step adding) {
    MemorySegment to = s(sum);
    return sum.slot() ? adding : () -> {
      to.fill((byte) 0);
      adding.run();
    };
  }

  /** Row work in pieces of about {@link #PIECE} elements. */
  private final class RowStep implements Step, Workers.Task {
    private final int[] live;
    private final int piece;
    private final Rows body;

    RowStep(Value rowsOf, int cols, Rows body) {
      live = memoryOf.liveCount(rowsOf);
      piece = Math.max(1, PIECE / cols);
      this.body = body;
    }

    @Override
    public void run() {
      workers.run((live[0] + piece - 1) / piece, this);
    }

    @Override
    public void run(int index, int worker) {
      body.run(index * piece, Math.min(live[0], (index + 1) * piece));
    }
  }

  Step rows(Value rowsOf, int cols, Rows body) {
    return new RowStep(rowsOf, cols, body);
  }

  interface Binary {
    void run(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to);
  }

  Step binary(Value x, Value y, Value out, Binary kernel) {
    MemorySegment a = s(x);
    MemorySegment b = s(y);
    MemorySegment c = s(out);
    long cols = x.shape().cols();
    return rows(x, x.shape().cols(), (from, to) -> kernel.run(a, b, c, from * cols, to * cols));
  }

  private Step scale(Op.Scale o) {
    MemorySegment x = s(o.x());
    MemorySegment out = s(o.out());
    long cols = o.x().shape().cols();
    return rows(o.x(), o.x().shape().cols(), (from, to) -> k.scale(x, o.alpha(), out, from * cols, to * cols));
  }

  private Step activate(Op.Activate o) {
    MemorySegment x = s(o.x());
    MemorySegment y = s(o.y());
    long cols = o.x().shape().cols();
    return rows(o.x(), o.x().shape().cols(), (from, to) -> k.activation(o.f(), x, y, from * cols, to * cols));
  }

  private Step gather(Op.Gather o) {
    boolean table = o.table().role() == Value.Role.FROZEN;
    MemorySegment source = table ? memoryOf.frozen(o.table(), CpuPlan.Form.TABLE) : s(o.table());
    DType storage = table ? plan.weights() : plan.floats();
    MemorySegment ids = s(o.ids());
    MemorySegment addend = s(o.addend());
    MemorySegment y = s(o.y());
    int cols = o.y().shape().cols();
    return rows(o.y(), cols, (from, to) -> k.gather(source, storage, ids, addend, y, cols, from, to));
  }

  private Step scatterAdd(Op.ScatterAdd o) {
    MemorySegment dy = s(o.dy());
    MemorySegment unique = s(o.index().unique());
    MemorySegment starts = s(o.index().starts());
    MemorySegment order = s(o.index().order());
    MemorySegment table = s(o.table());
    int cols = o.dy().shape().cols();
    return rows(o.index().unique(), cols, (from, to) -> k.scatterAdd(dy, unique, starts, order, table, cols, from, to));
  }

  private Step layerNorm(Op.LayerNorm o) {
    MemorySegment x = s(o.x());
    MemorySegment gamma = s(o.gamma());
    MemorySegment beta = s(o.beta());
    MemorySegment y = s(o.y());
    MemorySegment stats = s(o.stats());
    int cols = o.x().shape().cols();
    return rows(o.x(), cols, (from, to) -> k.layerNorm(x, gamma, beta, y, stats, cols, o.eps(), from, to));
  }

  private Step layerNormGrad(Op.LayerNormGrad o) {
    MemorySegment dy = s(o.dy());
    MemorySegment x = s(o.x());
    MemorySegment stats = s(o.stats());
    MemorySegment gamma = s(o.gamma());
    MemorySegment addend = s(o.addend());
    MemorySegment dx = s(o.dx());
    int cols = o.x().shape().cols();
    return rows(o.x(), cols, (from, to) -> k.layerNormGrad(dy, x, stats, gamma, addend, dx, cols, from, to));
  }

  /** One sum for each column over rows of x, in fixed pieces combined in order; added to a slot, written to a temporary. */
  Step columnSums(Value x, Value sums, Partial kernel) {
    MemorySegment to = s(sums);
    int cols = x.shape().cols();
    int[] live = memoryOf.liveCount(x);
    Step sum = reduce(x, (i, worker) -> kernel.run(partials, i, i * CpuPlan.PARTIAL_ROWS, Math.min(live[0], (i + 1) * CpuPlan.PARTIAL_ROWS)),
        () -> k.addPartials(partials, CpuPlan.slots(live[0]), to, cols, 0, cols));
    return fresh(sums, sum);
  }

  /** Writes sums over rows [from, to) to row {@code slot} of the partials. */
  interface Partial {
    void run(MemorySegment partials, int slot, int from, int to);
  }

  /** A sum over rows: fixed pieces to partials, then the partials in order. */
  private Step reduce(Value rowsOf, Workers.Task piece, Step combine) {
    int[] live = memoryOf.liveCount(rowsOf);
    return () -> {
      workers.run(CpuPlan.slots(live[0]), piece);
      combine.run();
    };
  }

  private Step columnSum(Op.ColumnSum o) {
    MemorySegment x = s(o.x());
    int cols = o.x().shape().cols();
    return columnSums(o.x(), o.sums(), (to, slot, first, end) -> k.columnSums(x, to, slot, cols, first, end));
  }

  private Step layerNormParamGrad(Op.LayerNormParamGrad o) {
    MemorySegment dy = s(o.dy());
    MemorySegment x = s(o.x());
    MemorySegment stats = s(o.stats());
    MemorySegment dgamma = s(o.dgamma());
    MemorySegment dbeta = s(o.dbeta());
    int cols = o.x().shape().cols();
    long half = (long) CpuPlan.slots(o.x().shape().rows()) * cols * plan.floats().bytes();
    MemorySegment gammaPartials = partials.asSlice(0, half);
    MemorySegment betaPartials = partials.asSlice(half, half);
    int[] live = memoryOf.liveCount(o.x());
    return reduce(o.x(), (i, worker) -> k.layerNormParamGrad(dy, x, stats, gammaPartials, betaPartials, i, cols,
        i * CpuPlan.PARTIAL_ROWS, Math.min(live[0], (i + 1) * CpuPlan.PARTIAL_ROWS)), () -> {
          if (o.dgamma().isPresent()) {
            k.addPartials(gammaPartials, CpuPlan.slots(live[0]), dgamma, cols, 0, cols);
          }
          if (o.dbeta().isPresent()) {
            k.addPartials(betaPartials, CpuPlan.slots(live[0]), dbeta, cols, 0, cols);
          }
        });
  }

  private Step attention(Op.Attention o) {
    MemorySegment q = s(o.q());
    MemorySegment keys = s(o.k());
    MemorySegment v = s(o.v());
    MemorySegment table = s(o.segments());
    MemorySegment out = s(o.out());
    MemorySegment lse = s(o.lse());
    int[] segments = memoryOf.liveCount(o.segments());
    int[] queries = memoryOf.liveCount(o.q());
    HeadTasks tasks = heads(o, o.spec().heads(), new MemorySegment[] {q}, (segment, head, worker) -> {
      long row = segment * 5L;
      k.attention(o.spec(), q, keys, v, out, lse, at(table, row), at(table, row + 1), at(table, row + 2), at(table, row + 3),
          at(table, row + 4), head, attentionScratch[worker]);
    });
    return () -> {
      if (covered(table, 5, 1, segments[0]) < queries[0]) {
        out.fill((byte) 0);
        lse.fill((byte) 0);
      }
      tasks.run(workers, segments[0]);
    };
  }

  private Step attentionGrad(Op.AttentionGrad o) {
    Op.Attention f = o.forward();
    MemorySegment q = s(f.q());
    MemorySegment keys = s(f.k());
    MemorySegment v = s(f.v());
    MemorySegment table = s(f.segments());
    MemorySegment lse = s(f.lse());
    MemorySegment dout = s(o.dout());
    MemorySegment dq = s(o.dq());
    MemorySegment dk = s(o.dk());
    MemorySegment dv = s(o.dv());
    int[] segments = memoryOf.liveCount(f.segments());
    HeadTasks tasks = heads(f, f.spec().kvHeads(), new MemorySegment[] {q, dout}, (segment, head, worker) -> {
      long row = segment * 5L;
      k.attentionGrad(f.spec(), q, keys, v, lse, dout, dq, dk, dv, at(table, row), at(table, row + 1), at(table, row + 2),
          at(table, row + 3), at(table, row + 4), head, attentionScratch[worker]);
    });
    int[] queries = memoryOf.liveCount(f.q());
    int[] keyRows = memoryOf.liveCount(f.k());
    return () -> {
      if (covered(table, 5, 1, segments[0]) < queries[0]) {
        dq.fill((byte) 0);
      }
      if (covered(table, 5, 3, segments[0]) < keyRows[0]) {
        dk.fill((byte) 0);
        dv.fill((byte) 0);
      }
      tasks.run(workers, segments[0]);
    };
  }

  private HeadTasks heads(Op.Attention o, int heads, MemorySegment[] queries, HeadTasks.Head work) {
    long bytes = plan.floats().bytes();
    MemorySegment[] keys = {s(o.k()), s(o.v())};
    return new HeadTasks(heads, s(o.segments()), queries, bytes * o.q().shape().cols(), keys, bytes * o.k().shape().cols(), workers.threads(), work);
  }

  /** Rows that the pieces of a table lie on, so that rows which no piece writes are found before something reads them. */
  private static long covered(MemorySegment table, int stride, int lengthColumn, int pieces) {
    long rows = 0;
    for (int i = 0; i < pieces; i++) {
      rows += at(table, (long) i * stride + lengthColumn);
    }
    return rows;
  }

  private static int at(MemorySegment table, long index) {
    return table.getAtIndex(INT, index);
  }

  private Step rangeMean(Op.RangeMean o) {
    MemorySegment x = s(o.x());
    MemorySegment ranges = s(o.ranges());
    MemorySegment y = s(o.y());
    int cols = o.x().shape().cols();
    return rows(o.y(), cols, (from, to) -> k.rangeMean(x, ranges, y, cols, from, to));
  }

  private Step rangeMeanGrad(Op.RangeMeanGrad o) {
    MemorySegment dy = s(o.dy());
    MemorySegment ranges = s(o.ranges());
    MemorySegment addend = s(o.addend());
    MemorySegment dx = s(o.dx());
    int cols = o.dx().shape().cols();
    int[] live = memoryOf.liveCount(o.dx());
    int[] count = memoryOf.liveCount(o.dy());
    Step spread = rows(o.dy(), cols, (from, to) -> k.rangeMeanGrad(dy, ranges, addend, dx, cols, from, to));
    return () -> {
      if (covered(ranges, 2, 1, count[0]) < live[0]) {
        if (o.addend().isEmpty()) {
          dx.fill((byte) 0);
        } else if (addend.address() != dx.address()) {
          MemorySegment.copy(addend, 0, dx, 0, dx.byteSize());
        }
      }
      spread.run();
    };
  }

  private Step l2Normalize(Op.L2Normalize o) {
    MemorySegment x = s(o.x());
    MemorySegment y = s(o.y());
    MemorySegment norms = s(o.norms());
    int cols = o.x().shape().cols();
    return rows(o.x(), cols, (from, to) -> k.l2Normalize(x, y, norms, cols, o.eps(), from, to));
  }

  private Step l2NormalizeGrad(Op.L2NormalizeGrad o) {
    MemorySegment dy = s(o.dy());
    MemorySegment y = s(o.y());
    MemorySegment norms = s(o.norms());
    MemorySegment dx = s(o.dx());
    int cols = o.y().shape().cols();
    return rows(o.y(), cols, (from, to) -> k.l2NormalizeGrad(dy, y, norms, dx, cols, from, to));
  }

  private Step dropout(Op.Dropout o) {
    MemorySegment x = s(o.x());
    MemorySegment keys = s(o.rowKeys());
    MemorySegment random = s(o.random());
    MemorySegment out = s(o.out());
    int cols = o.x().shape().cols();
    return rows(o.x(), cols, (from, to) -> k.dropout(x, keys, random, o.site(), o.p(), out, cols, from, to));
  }

  private Step rowLoss(TrainingOp.RowLoss o) {
    MemorySegment predictions = s(o.predictions());
    MemorySegment labels = s(o.labels());
    MemorySegment loss = s(o.rowLoss());
    int cols = o.predictions().shape().cols();
    return rows(o.predictions(), cols, (from, to) -> k.loss(o.loss(), predictions, labels, loss, cols, from, to));
  }

  private Step rowLossGrad(TrainingOp.RowLossGrad o) {
    MemorySegment predictions = s(o.predictions());
    MemorySegment labels = s(o.labels());
    MemorySegment d = s(o.dPredictions());
    int cols = o.predictions().shape().cols();
    return rows(o.predictions(), cols, (from, to) -> k.lossGrad(o.loss(), predictions, labels, d, cols, from, to));
  }

  private Step inBatchNegatives(TrainingOp.InBatchNegatives o) {
    MemorySegment a = s(o.a());
    MemorySegment b = s(o.b());
    MemorySegment probs = s(o.probs());
    MemorySegment loss = s(o.rowLoss());
    int cols = o.a().shape().cols();
    int ld = o.probs().shape().cols();
    int[] live = memoryOf.liveCount(o.a());
    return rows(o.a(), PIECE / 8, (from, to) -> k.inBatchNegatives(a, b, probs, ld, loss, o.scale(), live[0], cols, from, to));
  }

  private Step inBatchNegativesGrad(TrainingOp.InBatchNegativesGrad o) {
    MemorySegment probs = s(o.probs());
    MemorySegment other = s(o.other());
    MemorySegment out = s(o.out());
    int cols = o.out().shape().cols();
    int ld = o.probs().shape().cols();
    int[] live = memoryOf.liveCount(o.out());
    return rows(o.out(), PIECE / 8,
        (from, to) -> k.inBatchNegativesGrad(probs, ld, other, o.transposed(), o.scale(), out, live[0], cols, from, to));
  }

  private Step addSum(TrainingOp.AddSum o) {
    MemorySegment x = s(o.x());
    MemorySegment total = s(o.total());
    int[] live = memoryOf.liveCount(o.x());
    int cols = o.x().shape().cols();
    return () -> Storage.set(total, plan.floats(), 0, Storage.get(total, plan.floats(), 0) + k.sum(x, 0, (long) live[0] * cols));
  }

  private Step clearGradients(TrainingOp.ClearGradients o) {
    MemorySegment gradients = memoryOf.arena(Executable.Arena.GRADIENTS);
    MemorySegment lossSum = s(o.lossSum());
    MemorySegment count = s(o.count());
    return () -> {
      gradients.fill((byte) 0);
      lossSum.fill((byte) 0);
      count.fill((byte) 0);
    };
  }

  private Step countTargets(TrainingOp.CountTargets o) {
    MemorySegment labels = s(o.labels());
    MemorySegment total = s(o.total());
    int[] live = memoryOf.liveCount(o.labels());
    // Classes are checked where the loss is computed; their number is not known here.
    int cols = o.loss().isPresent() && o.loss().get() == Loss.CROSS_ENTROPY ? Integer.MAX_VALUE : o.labels().shape().cols();
    return () -> {
      long more = o.loss().isPresent() ? k.targets(o.loss().get(), labels, cols, 0, live[0]) : live[0];
      Storage.set(total, plan.floats(), 0, Storage.get(total, plan.floats(), 0) + more);
    };
  }
}
