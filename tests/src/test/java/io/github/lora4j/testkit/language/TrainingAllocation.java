package io.github.lora4j.testkit.language;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CancellationException;

/**
 * Trains a recipe until a round of steps allocates no more than a bound on the driving thread and all workers, listeners and everything between steps
 * included. A program of its own, because the compiler decides by what a JVM has run before, and vectors are objects until it has
 * compiled all kernels.
 * Arguments: the recipe's file and the bytes allowed for each step.
 */
final class TrainingAllocation {

  private static final int ROUND = 20;

  private TrainingAllocation() {}

  public static void main(String[] args) {
    long bound = Long.parseLong(args[1]);
    ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Recipe recipe = Recipe.builder(Path.of("model"), Path.of("output")).read(Path.of(args[0])).build();
    TrainingRun[] running = new TrainingRun[1];
    long[][] threads = new long[1][];
    long[] before = {0};
    long[] least = {Long.MAX_VALUE};
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      if (event instanceof TrainEvent.Step step && step.step() % ROUND == 0) {
        if (threads[0] == null) {
          threads[0] = threads();
        }
        long now = allocated(bean, threads[0]);
        if (before[0] > 0) {
          least[0] = Math.min(least[0], (now - before[0]) / ROUND);
        }
        if (least[0] <= bound) {
          running[0].stop();
        }
        before[0] = allocated(bean, threads[0]);
      }
    })) {
      running[0] = run;
      run.train();
    } catch (CancellationException e) {
      System.out.println(e.getMessage());
    }
    System.out.println("a step allocates " + least[0] + " bytes");
    if (least[0] > bound) {
      throw new IllegalStateException("a step allocates " + least[0] + " bytes after warm-up, allowed are " + bound);
    }
  }

  private static long[] threads() {
    return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.equals(Thread.currentThread())
        || thread.getName().startsWith("lora4j-worker")).mapToLong(Thread::threadId).toArray();
  }

  private static long allocated(ThreadMXBean bean, long[] threads) {
    return Arrays.stream(bean.getThreadAllocatedBytes(threads)).sum();
  }
}
