package io.github.lora4j;

import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainListener;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.runs.Resume;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import org.jspecify.annotations.Nullable;

/**
 * A training on a thread of its own, which the caller waits for and hears of on its own thread: so a virtual thread holds no processor meanwhile, a
 * listener of another language is called where its language allows it, and an interrupt is seen at once.
 */
final class Training {

  private final SynchronousQueue<Said> said = new SynchronousQueue<>();
  private final SynchronousQueue<Heard> heard = new SynchronousQueue<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private final Thread caller = Thread.currentThread();
  private volatile boolean stopping;
  private volatile @Nullable TrainingRun run;

  private sealed interface Said {
    record Event(TrainEvent event) implements Said {}

    record Done(TrainEvent.Finished finished) implements Said {}

    record Failed(Throwable why) implements Said {}
  }

  /** The listener has returned, perhaps with an exception. */
  private record Heard(@Nullable Throwable failure) {}

  /** Stops at once, after a checkpoint. For any thread. */
  void stop() {
    stopping = true;
    TrainingRun there = run;
    if (there != null) {
      there.stop();
    }
  }

  /** Whether this thread is the one that waits for it. */
  boolean mine() {
    return caller.equals(Thread.currentThread());
  }

  /** Waits for its end, however it ends. */
  void await() {
    boolean interrupted = false;
    while (over.getCount() > 0) {
      try {
        over.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Trains. */
  TrainEvent.Finished run(Recipe recipe, Resume resume, TrainListener listener) {
    Thread.ofPlatform().daemon().name("lora4j-train").start(() -> train(recipe, resume));
    boolean interrupted = false;
    try {
      while (true) {
        try {
          switch (said.take()) {
            case Said.Event(TrainEvent event) -> put(heard, new Heard(tell(listener, event)));
            case Said.Done(TrainEvent.Finished finished) -> {
              return finished;
            }
            case Said.Failed(Throwable why) -> throw as(why);
          }
        } catch (InterruptedException e) {
          interrupted = true;
          stop();
        }
      }
    } finally {
      over.countDown();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static @Nullable Throwable tell(TrainListener listener, TrainEvent event) {
    try {
      listener.on(event);
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    }
  }

  private void train(Recipe recipe, Resume resume) {
    Said last;
    try (TrainingRun opened = TrainingRun.open(PreparedRun.open(recipe), resume, this::hand)) {
      run = opened;
      if (stopping) {
        opened.stop();
      }
      last = new Said.Done(opened.train());
    } catch (Throwable e) { // The caller's to handle, whatever it is.
      last = new Said.Failed(e);
    }
    put(said, last);
  }

  /** Has the caller's thread call the listener, and waits for it. */
  private void hand(TrainEvent event) {
    put(said, new Said.Event(event));
    Throwable failure = take(heard).failure();
    if (failure != null) {
      throw as(failure);
    }
  }

  /** Both threads wait for each other without end: each always answers. */
  private <T> void put(SynchronousQueue<T> queue, T value) {
    boolean interrupted = false;
    while (true) {
      try {
        queue.put(value);
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        stop();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static <T> T take(SynchronousQueue<T> queue) {
    while (true) {
      try {
        return queue.take();
      } catch (InterruptedException e) {
        // Nobody interrupts the thread that trains.
        throw new IllegalStateException(e);
      }
    }
  }

  private static RuntimeException as(Throwable why) {
    if (why instanceof Error error) {
      throw error;
    }
    return why instanceof RuntimeException known ? known : new IllegalStateException(why);
  }
}
