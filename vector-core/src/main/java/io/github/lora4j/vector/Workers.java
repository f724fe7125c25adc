package io.github.lora4j.vector;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that run numbered tasks. The caller is worker 0 and takes part. Which worker runs which task is
 * dynamic; results must not depend on it, so tasks are cut by shape alone and never share an accumulator. Waiting spins
 * briefly, then parks: regions follow each other within microseconds in a training step, and a parked thread costs nothing.
 *
 * <p>Not reentrant: one region at a time, started by one thread at a time. No allocation happens in {@link #run}.
 */
public final class Workers implements AutoCloseable {

  /** One numbered piece of work. */
  @FunctionalInterface
  public interface Task {
    /**
     * Runs piece {@code index}.
     *
     * @param index the piece, in [0, count)
     * @param worker who runs it, in [0, threads): selects scratch
     */
    void run(int index, int worker);
  }

  private static final int SPINS = 4000;
  private static final Task NONE = (index, worker) -> { };

  private final Thread[] threads;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger pending = new AtomicInteger();
  private volatile int epoch;
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;
  private Task task = NONE;
  private int count;
  private @Nullable Thread caller;

  /** Starts {@code threads - 1} daemon threads; the caller of {@link #run} is the remaining one. */
  public Workers(int threads) {
    if (threads < 1) {
      throw new ConfigException("threads must be at least 1, got " + threads);
    }
    this.threads = new Thread[threads - 1];
    for (int i = 0; i < this.threads.length; i++) {
      int worker = i + 1;
      this.threads[i] = Thread.ofPlatform().daemon().name("lora4j-worker-" + worker).start(() -> loop(worker));
    }
  }

  /** One worker for each processor the JVM may use. */
  public static int defaultThreads() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** Threads that work, the caller among them. */
  public int threads() {
    return threads.length + 1;
  }

  /** Runs pieces 0..count-1 and returns when all are done. The first exception of any piece is thrown here. */
  @SuppressWarnings("NonAtomicVolatileUpdate") // One thread at a time starts a region, and nothing else writes the epoch.
  public void run(int count, Task task) {
    if (count <= 1 || threads.length == 0) {
      for (int i = 0; i < count; i++) {
        task.run(i, 0);
      }
      return;
    }
    if (closed) {
      throw new IllegalStateException("workers are closed");
    }
    this.task = task;
    this.count = count;
    caller = Thread.currentThread();
    failure = null;
    next.set(0);
    pending.set(threads.length);
    epoch++;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    work(0);
    for (int spin = 0; pending.get() > 0; spin++) {
      if (spin < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
    this.task = NONE;
    if (failure != null) {
      rethrow(failure);
    }
  }

  private void loop(int worker) {
    int seen = 0;
    while (true) {
      for (int spin = 0; epoch == seen && !closed; spin++) {
        if (spin < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
      if (closed) {
        return;
      }
      seen++;
      work(worker);
      if (pending.decrementAndGet() == 0) {
        LockSupport.unpark(caller);
      }
    }
  }

  private void work(int worker) {
    Task current = task;
    int limit = count;
    try {
      for (int i = next.getAndIncrement(); i < limit; i = next.getAndIncrement()) {
        current.run(i, worker);
      }
    } catch (Throwable t) {
      failure = t;
      next.set(limit);
    }
  }

  private static void rethrow(Throwable t) {
    switch (t) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(t);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}
