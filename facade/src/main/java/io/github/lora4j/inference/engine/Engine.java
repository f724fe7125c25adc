package io.github.lora4j.inference.engine;

import io.github.lora4j.generate.Generator;
import io.github.lora4j.generate.Sequence;
import io.github.lora4j.generate.text.TextGenerator;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ResourceException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One thread that owns a generator and keeps it busy: sequences join as soon as there is room, in the order they were asked for, and leave at every
 * token. Between two tokens it does what others ask for ({@link #between}), so that adapters change while answers are given.
 *
 * <p>For any thread.
 */
public final class Engine implements AutoCloseable {

  private final TextGenerator text;
  private final Generator generator;
  private final Voices voices;
  private final EngineLimits limits;
  private final Chances chances;
  private final EngineMetrics metrics = new EngineMetrics();
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Condition idle = lock.newCondition();
  private final ArrayDeque<Job> waiting = new ArrayDeque<>();
  private final ArrayDeque<FutureTask<?>> tasks = new ArrayDeque<>();
  private final Map<Sequence, Job> running = new HashMap<>();
  private volatile int runningCount;
  private boolean draining;
  private boolean closing;
  private @Nullable Throwable broken;

  /**
   * Starts the thread.
   *
   * @param text used by nobody else from now on; closed by the caller, after this
   */
  public Engine(TextGenerator text, Voices voices, EngineLimits limits) {
    this.text = text;
    generator = text.generator();
    this.voices = voices;
    this.limits = limits;
    chances = new Chances(text.tokenizer());
    thread = Thread.ofPlatform().daemon().name("lora4j-engine").unstarted(this::run);
    thread.start();
  }

  /** What it has done. */
  public EngineMetrics metrics() {
    return metrics;
  }

  /** Its adapters. */
  public Voices voices() {
    return voices;
  }

  /** Sequences that are being answered. */
  public int running() {
    return runningCount;
  }

  /** Sequences that wait for room. */
  public int waiting() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** Whether it can answer at all. */
  public boolean healthy() {
    lock.lock();
    try {
      return broken == null && !closing;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Asks for answers.
   *
   * @param voice with as many shares as there are asks; it ends with them, also where this throws
   * @return empty when the queue is full, or the engine is about to end
   * @throws ResourceException when the engine has failed
   */
  public Optional<Answer> ask(List<Ask> asks, Voices.Lease voice) {
    lock.lock();
    try {
      if (broken != null) {
        voice.giveBack();
        throw new ResourceException("the model cannot answer any more: " + broken, broken);
      }
      if (draining || closing || waiting.size() + asks.size() > limits.waiting()) {
        voice.giveBack();
        return Optional.empty();
      }
      Answer answer = new Answer(asks, voice, limits);
      waiting.addAll(answer.jobs());
      work.signal();
      return Optional.of(answer);
    } finally {
      lock.unlock();
    }
  }

  /** Does something with the generator's adapters between two tokens, and waits for it. */
  public <T> T between(Callable<T> task) throws InterruptedException {
    FutureTask<T> future = new FutureTask<>(task);
    lock.lock();
    try {
      if (broken != null || closing) {
        throw new ResourceException("the model does not answer any more");
      }
      tasks.add(future);
      work.signal();
    } finally {
      lock.unlock();
    }
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Lora4jException known) {
        throw known;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  private void run() {
    try {
      while (await()) {
        perform();
        admit();
        step();
        leave();
      }
    } catch (Throwable e) {
      lock.lock();
      try {
        broken = e;
      } finally {
        lock.unlock();
      }
    }
    abandon();
  }

  /** Waits for something to do; false when there is nothing more to come. */
  private boolean await() throws InterruptedException {
    lock.lock();
    try {
      while (!closing && waiting.isEmpty() && tasks.isEmpty() && running.isEmpty()) {
        idle.signalAll();
        work.await();
      }
      return !closing;
    } finally {
      lock.unlock();
    }
  }

  private void perform() {
    for (FutureTask<?> task = task(); task != null; task = task()) {
      task.run();
    }
    voices.sweep();
  }

  private @Nullable FutureTask<?> task() {
    lock.lock();
    try {
      return tasks.poll();
    } finally {
      lock.unlock();
    }
  }

  /** Lets sequences join in their order; one that does not fit yet is not overtaken, so that long ones have their turn. */
  private void admit() {
    lock.lock();
    try {
      long now = System.nanoTime();
      waiting.removeIf(job -> gone(job, now));
      while (!waiting.isEmpty() && generator.fits(waiting.peek().ask().request())) {
        join(waiting.poll());
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean gone(Job job, long now) {
    if (job.cancelled()) {
      job.stopped();
      metrics.end(new AnswerEvent.Ended(0, io.github.lora4j.generate.FinishReason.CANCELLED, 0));
    } else if (job.overdue(now)) {
      job.timeOut();
      metrics.end(new AnswerEvent.TimedOut(0, true));
    } else {
      return false;
    }
    return true;
  }

  private void join(Job job) {
    try {
      Sequence sequence = generator.add(job.ask().request());
      job.start(sequence, text.tokenizer());
      running.put(sequence, job);
      metrics.joined(job.ask().request().prompt().size(), sequence.reusedTokens());
      runningCount = running.size();
    } catch (Lora4jException e) {
      job.fail(e);
      metrics.end(new AnswerEvent.Failed(0, e));
    }
  }

  private void step() {
    if (running.isEmpty()) {
      return;
    }
    long now = System.nanoTime();
    running.values().forEach(job -> job.watch(now));
    try {
      generator.step((sequence, token) -> {
        Job job = running.get(sequence);
        if (job != null) {
          metrics.token();
          if (job.token(generator, chances, token)) {
            metrics.first(job.age(System.nanoTime()));
          }
        }
      });
      metrics.step();
    } catch (Lora4jException e) {
      // The sequence that cannot go on says so itself; where none does, it is none's fault.
      if (running.keySet().stream().noneMatch(sequence -> sequence.failure().isPresent())) {
        throw e;
      }
    }
  }

  private void leave() {
    running.entrySet().removeIf(entry -> {
      Sequence sequence = entry.getKey();
      if (sequence.finished().isEmpty()) {
        return false;
      }
      generator.remove(sequence);
      metrics.end(entry.getValue().end());
      return true;
    });
    runningCount = running.size();
  }

  /** Nobody is left waiting. */
  private void abandon() {
    lock.lock();
    try {
      closing = true;
      Throwable why = broken;
      java.util.function.Consumer<Job> last = why == null ? Job::stopped : job -> job.fail(new ResourceException("the model has failed: " + why,
          why));
      running.values().forEach(last);
      waiting.forEach(last);
      tasks.forEach(task -> task.cancel(false));
      running.clear();
      waiting.clear();
      tasks.clear();
      runningCount = 0;
      idle.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes no more, and waits for what is there.
   *
   * @return whether all of it was answered in this time
   */
  public boolean drain(Duration time) throws InterruptedException {
    lock.lock();
    try {
      draining = true;
      long left = time.toNanos();
      while (left > 0 && !closing && (!waiting.isEmpty() || runningCount > 0)) {
        left = idle.awaitNanos(left);
      }
      return waiting.isEmpty() && runningCount == 0;
    } finally {
      lock.unlock();
    }
  }

  /** Stops what is being answered, and the thread. */
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      work.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
