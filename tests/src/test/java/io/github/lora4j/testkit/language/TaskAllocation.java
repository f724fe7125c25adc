package io.github.lora4j.testkit.language;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.train.TrainEvent;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CancellationException;

/**
 * Counts what a training step of a task allocates after warm-up, packing included, on the caller and all workers: the least mean of many windows of steps,
 * within what the JVM itself does on them and the few numbers that a step reports. A program of its own, because the compiler decides by what a JVM has run
 * before. Arguments: task, model, data, directory for the run.
 */
final class TaskAllocation {

  private static final long BOUND = 4096;
  private static final int WINDOW = 20;
  private static final int MOST_STEPS = 40_000;

  private final ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private long[] threads = {};
  private long before = Long.MAX_VALUE;
  private long least = Long.MAX_VALUE;

  private TaskAllocation() {}

  public static void main(String[] args) throws IOException {
    Recipe recipe = Recipe.builder(Path.of(args[1]), Files.createDirectories(Path.of(args[3]))).set("task", args[0]).set("data.train", args[2])
        .set("optimizer.learning_rate", 1e-4).set("batch_size", 3).set("gradient_accumulation", 2).set("max_steps", MOST_STEPS).set("threads", 2)
        .set("log_every", WINDOW).set("samples", 0).adapter(Map.of("r", 4, "lora_alpha", 8, "target_modules", "all-linear", "lora_dropout", 0.1)).build();
    long least = new TaskAllocation().train(recipe);
    if (least > BOUND) {
      throw new IllegalStateException("%s: a step allocates %,d bytes after warm-up".formatted(args[0], least));
    }
  }

  private long train(Recipe recipe) {
    TrainingRun[] running = {null};
    try (TrainingRun run = TrainingRun.open(recipe, false, event -> {
      switch (event) {
        case TrainEvent.Started started -> threads = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.equals(Thread.currentThread())
            || thread.getName().startsWith("lora4j-worker")).mapToLong(Thread::threadId).toArray();
        case TrainEvent.Step step when step.step() > 1 -> {
          least = Math.min(least, before == Long.MAX_VALUE ? before : (allocated() - before) / WINDOW);
          if (Boolean.getBoolean("tell")) {
            System.out.printf("%d %d%n", step.step(), (allocated() - before) / WINDOW);
          }
          if (least <= BOUND) {
            running[0].stop();
          }
        }
        case TrainEvent other -> { }
      }
      before = event instanceof TrainEvent.Step ? allocated() : before;
    })) {
      running[0] = run;
      run.train();
    } catch (CancellationException e) {
      return least;
    }
    return least;
  }

  private long allocated() {
    return Arrays.stream(bean.getThreadAllocatedBytes(threads)).sum();
  }
}
