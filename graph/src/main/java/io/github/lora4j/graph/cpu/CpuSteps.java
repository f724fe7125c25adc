package io.github.lora4j.graph.cpu;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Op;
import io.github.lora4j.graph.Value;
import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a {@link CpuBinder} binds an op with: memory of values, kernels, and work in pieces whose bounds depend on shapes alone. */
public final class CpuSteps {

  /** A bound op. */
  @FunctionalInterface
  public interface Step {
    /** Computes the op once, on the rows that live. */
    void run();
  }

  /** Work on rows [from, to). */
  @FunctionalInterface
  public interface Rows {
    /** Computes these rows; other threads compute others. */
    void run(int from, int to);
  }

  /** Work on rows [from, to) by a worker. */
  @FunctionalInterface
  interface WorkerRows {
    void run(int from, int to, int worker);
  }

  /** Work on elements [from, to) of two inputs. */
  @FunctionalInterface
  interface Binary {
    void run(MemorySegment x, MemorySegment y, MemorySegment out, long from, long to);
  }

  /** Work on elements [from, to) of one input. */
  @FunctionalInterface
  interface Unary {
    void run(MemorySegment x, MemorySegment out, long from, long to);
  }

  /** Writes sums over rows [from, to) to row {@code slot} of the partials. */
  @FunctionalInterface
  interface Partial {
    void run(MemorySegment partials, int slot, int from, int to);
  }

  /** Elements per piece of row work: fixed by shape, so results do not depend on threads; large enough to hide the hand-over. */
  static final int PIECE = 16384;
  /** Rows whose sums make one partial; fixed, so that sums do not depend on the number of threads. */
  static final int PARTIAL_ROWS = 256;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  private final CpuExecutable memoryOf;
  private final CpuPlan plan;
  private final Workers workers;
  private final MemorySegment scratch;
  private final MemorySegment[] workerScratch;

  CpuSteps(CpuExecutable memoryOf, CpuPlan plan, Workers workers, Memory memory) {
    this.memoryOf = memoryOf;
    this.plan = plan;
    this.workers = workers;
    scratch = memory.allocate(plan.scratch().shared(), CpuPlan.SCRATCH);
    MemorySegment all = memory.allocate(plan.scratch().each() * plan.target().threads(), CpuPlan.WORKER_SCRATCH);
    workerScratch = new MemorySegment[plan.target().threads()];
    for (int i = 0; i < workerScratch.length; i++) {
      workerScratch[i] = all.asSlice(i * plan.scratch().each(), plan.scratch().each());
    }
  }

  <O extends Op> Step bind(O op) {
    return plan.binder(op).bind(op, this);
  }

  /** An op and the one that {@link Op#fuses} lets follow it. */
  <O extends Op, N extends Op> Step bind(O op, N next) {
    return plan.binder(op).bind(op, plan.binder(next).then(next, this), this);
  }

  /** The memory of a value: row-major elements of {@link #floats}, or I32. */
  public MemorySegment s(Value value) {
    return memoryOf.segment(value);
  }

  /** The kernels. */
  public Kernels kernels() {
    return plan.target().kernels();
  }

  /** Elements of float values: F32, or F64 in the reference. */
  public DType floats() {
    return plan.target().floats();
  }

  /** A step that works on the live rows of a value, in pieces of some thousand elements on all threads. */
  public Step rows(Value rowsOf, int cols, Rows body) {
    return workerRows(rowsOf, cols, (from, to, worker) -> body.run(from, to));
  }

  /** The same for work that needs a worker's scratch. */
  Step workerRows(Value rowsOf, int cols, WorkerRows body) {
    return new RowStep(rowsOf, cols, body);
  }

  /** The one-element array that holds the live rows of a value. */
  public int[] live(Value value) {
    return memoryOf.liveCount(value);
  }

  /** Memory that all workers share, as much as the binder asked for. */
  public MemorySegment scratch() {
    return scratch;
  }

  /** Memory of one worker. */
  public MemorySegment scratch(int worker) {
    return workerScratch[worker];
  }

  Workers workers() {
    return workers;
  }

  CpuPlan plan() {
    return plan;
  }

  MemorySegment arena(Executable.Arena arena) {
    return memoryOf.arena(arena);
  }

  MemorySegment frozen(Value weight, CpuPlan.Form form) {
    return memoryOf.frozen(weight, form);
  }

  /** A frozen table for looking up rows. */
  Kernels.Table table(Value weight, MemorySegment scratch) {
    CpuPlan.Form form = plan.tableForm(weight);
    return new Kernels.Table(frozen(weight, form), plan.target().weights(weight), scratch, form == CpuPlan.Form.PANELS ? weight.shape().rows() : 0);
  }

  /** Row work in pieces of about {@link #PIECE} elements. */
  private final class RowStep implements Step, Workers.Task {
    private final int[] live;
    private final int piece;
    private final WorkerRows body;

    RowStep(Value rowsOf, int cols, WorkerRows body) {
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
      body.run(index * piece, Math.min(live[0], (index + 1) * piece), worker);
    }
  }

  /** Element by element. */
  Step unary(Value x, Value out, Unary kernel) {
    MemorySegment a = s(x);
    MemorySegment b = s(out);
    long cols = x.shape().cols();
    return rows(x, x.shape().cols(), (from, to) -> kernel.run(a, b, from * cols, to * cols));
  }

  /** Element by element of two values of one shape. */
  Step binary(Value x, Value y, Value out, Binary kernel) {
    MemorySegment a = s(x);
    MemorySegment b = s(y);
    MemorySegment c = s(out);
    long cols = x.shape().cols();
    return rows(x, x.shape().cols(), (from, to) -> kernel.run(a, b, c, from * cols, to * cols));
  }

  /** Kernels that add do so to a slot; a temporary starts from zero. */
  Step fresh(Value sum, Step adding) {
    MemorySegment to = s(sum);
    return sum.slot() ? adding : () -> {
      to.fill((byte) 0);
      adding.run();
    };
  }

  /** One sum for each column over rows of x, in fixed pieces combined in order; added to a slot, written to a temporary. */
  Step columnSums(Value x, Value sums, Partial kernel) {
    MemorySegment to = s(sums);
    int cols = sums.shape().cols();
    int[] live = live(x);
    Step sum = reduce(x, (i, worker) -> kernel.run(scratch, i, i * PARTIAL_ROWS, Math.min(live[0], (i + 1) * PARTIAL_ROWS)),
        () -> kernels().addPartials(scratch, partials(live[0]), to, cols, 0, cols));
    return fresh(sums, sum);
  }

  /** A sum over rows: fixed pieces to partials, then the partials in order. */
  Step reduce(Value rowsOf, Workers.Task piece, Step combine) {
    int[] live = live(rowsOf);
    return () -> {
      workers.run(partials(live[0]), piece);
      combine.run();
    };
  }

  static int partials(int rows) {
    return (rows + PARTIAL_ROWS - 1) / PARTIAL_ROWS;
  }

  /** Scratch of {@link #columnSums} over x, with so many sums for each column. */
  static CpuScratch partials(Value x, int sums, CpuTarget target) {
    return new CpuScratch((long) sums * partials(x.shape().rows()) * x.shape().cols() * target.floats().bytes(), 0);
  }

  /** Rows that the pieces of a table lie on, so that rows which no piece writes are found before something reads them. */
  static long covered(MemorySegment table, int stride, int lengthColumn, int pieces) {
    long rows = 0;
    for (int i = 0; i < pieces; i++) {
      rows += at(table, (long) i * stride + lengthColumn);
    }
    return rows;
  }

  static int at(MemorySegment table, long index) {
    return table.getAtIndex(INT, index);
  }
}
