package io.github.lora4j.inference.engine;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Answers of sequences that were asked for together, as they come. What comes is kept until it is read, so the engine never waits for a reader; it
 * is no more than the sequences' tokens. For one reader.
 */
public final class Answer implements AutoCloseable {

  private final LinkedBlockingQueue<AnswerEvent> events = new LinkedBlockingQueue<>();
  private final List<Job> jobs;

  Answer(List<Ask> asks, Voices.Lease voice, EngineLimits limits) {
    long now = System.nanoTime();
    jobs = java.util.stream.IntStream.range(0, asks.size()).mapToObj(i -> new Job(i, asks.get(i), voice, events, now, limits)).toList();
  }

  List<Job> jobs() {
    return jobs;
  }

  /** How many sequences there are; each ends with one event that is no {@link AnswerEvent.Text}. */
  public int sequences() {
    return jobs.size();
  }

  /**
   * The next event, as soon as there is one.
   *
   * @return empty if there was none in this time
   */
  public Optional<AnswerEvent> next(Duration wait) throws InterruptedException {
    return Optional.ofNullable(events.poll(wait.toNanos(), TimeUnit.NANOSECONDS));
  }

  /** The next event, if it is there already. */
  public Optional<AnswerEvent> ready() {
    return Optional.ofNullable(events.poll());
  }

  /** Nobody reads any more: what has not ended is stopped. */
  @Override
  public void close() {
    jobs.forEach(Job::cancel);
  }
}
