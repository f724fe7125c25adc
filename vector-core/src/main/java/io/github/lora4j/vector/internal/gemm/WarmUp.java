package io.github.lora4j.vector.internal.gemm;

import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Gets the kernels of products of one kind compiled: a thread of its own runs such a product again and again, with numbers that nobody needs, until it
 * is faster than plain loops. Where it never is, plain loops remain.
 */
final class WarmUp {

  /** Products of so many rows share kernels. */
  enum Rows {
    ONE(1), FEW(2), MANY(RowTiles.ROWS);

    private final int rows;

    Rows(int rows) {
      this.rows = rows;
    }

    static Rows of(int rows) {
      return rows == 1 ? ONE : rows <= FewRowsGemm.ROWS ? FEW : MANY;
    }
  }

  /** What decides which kernels a product runs. */
  private record Kind(WeightFormat storage, Rows rows, int tail) {}

  /** A product's panels that are as wide as any, beside its last one. */
  private static final int PANELS = 4;
  private static final int DEPTH = 256;
  /** So often in a row it is the faster one. */
  private static final int TIMES = 3;
  private static final long LONGEST = TimeUnit.SECONDS.toNanos(60);
  /** Before that, processors are for what asked. */
  private static final long LATER = 500;
  private static final Map<Kind, WarmUp> ALL = new ConcurrentHashMap<>();
  private static final ExecutorService THREAD = thread();

  private final Kind kind;
  private boolean asked;
  private volatile boolean warm;

  private WarmUp(Kind kind) {
    this.kind = kind;
  }

  private static ExecutorService thread() {
    ThreadPoolExecutor one = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
        task -> Thread.ofPlatform().daemon().name("lora4j-warm-up").priority(Thread.MIN_PRIORITY).unstarted(task));
    one.allowCoreThreadTimeOut(true);
    return one;
  }

  /** That of products like this one. */
  static WarmUp of(Gemm.Spec spec, Rows rows) {
    boolean one = rows == Rows.ONE && Packed.of(spec.storage()) instanceof PackedElements elements && elements.single();
    return ALL.computeIfAbsent(new Kind(spec.storage(), rows == Rows.ONE && !one ? Rows.FEW : rows, spec.n() % RowTiles.COLUMNS), WarmUp::new);
  }

  /** Whether the kernels are compiled; the first who asks has them compiled. */
  boolean warm() {
    if (!warm) {
      ask();
    }
    return warm;
  }

  private synchronized void ask() {
    if (!asked) {
      asked = true;
      THREAD.execute(this::run);
    }
  }

  private void run() {
    try {
      Thread.sleep(LATER);
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts this thread", e);
    }
    int n = PANELS * RowTiles.COLUMNS + kind.tail;
    int rows = kind.rows.rows;
    Gemm.Spec spec = new Gemm.Spec(Gemm.Form.NT, rows, rows, n, DEPTH, 1, true, kind.storage);
    try (Memory memory = new Memory("warming up"); Workers alone = new Workers(1)) {
      Gemm.Operands operands = new Gemm.Operands(memory.allocate(4L * rows * DEPTH, "A"),
          memory.allocate(VectorGemms.packedBytes(n, DEPTH, kind.storage), "B"), MemorySegment.NULL, MemorySegment.NULL,
          memory.allocate(4L * rows * n, "C"), memory.allocate(VectorGemms.gemmScratchBytes(spec, 1), "scratch"));
      Gemm compiled = VectorGemms.gemm(spec, operands);
      Gemm plain = new PlainGemm(spec, operands, (PackedElements) Packed.of(kind.storage), new Output(spec, operands, Gemm.Then.NOTHING));
      long end = System.nanoTime() + LONGEST;
      int times = 0;
      while (times < TIMES && System.nanoTime() < end) {
        times = time(compiled, alone, rows) < time(plain, alone, rows) ? times + 1 : 0;
      }
      warm = times == TIMES;
    }
  }

  private static long time(Gemm gemm, Workers alone, int rows) {
    long start = System.nanoTime();
    gemm.run(alone, rows);
    return System.nanoTime() - start;
  }
}
