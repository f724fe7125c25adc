package io.github.lora4j.testkit.backend;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.graph.CompileOptions;
import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.OptimizerSpec;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.RowAxis;
import io.github.lora4j.graph.Shape;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.train.sums.GradientExchange;
import io.github.lora4j.train.sums.GradientSums;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Workers;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;

/**
 * Counts what a step of several micro-batches allocates after warm-up, over the caller and all workers; the bound leaves room for what the JVM itself
 * does on them, and is far below one activation. A program of its own, because the compiler decides by what a JVM has run before: after the
 * rest of the suite, with hundreds of programs, one kernel kept about 28 KB of boxed vectors a step.
 */
final class StepAllocation {

  private static final int MICRO_BATCHES = 7;

  private StepAllocation() {}

  public static void main(String[] args) {
    int cols = Integer.parseInt(args[0]);
    ProgramBuilder b = new ProgramBuilder();
    RowAxis axis = b.axis("rows", 64);
    Graph g = b.entry("accumulate");
    Value x = b.input("x", Shape.of(axis, cols));
    Value labels = b.table("labels", Shape.of(axis, 1));
    Value h = g.linear(x, b.trainable("w", Shape.of(cols, cols), 0), b.trainable("bias", Shape.vector(cols), 0));
    Value segments = b.table("segments", Shape.of(b.axis("segments", 2), 5));
    Value attended = g.attention(new AttentionSpec(2, 2, cols / 2, 0.25f, false), h, h, x, segments, 40);
    Value dropped = g.dropout(g.activate(Activation.GELU, attended), b.table("keys", Shape.of(axis, 2)), b.table("random", Shape.vector(3)),
        "site", 0.1);
    Value n = g.layerNorm(g.add(dropped, x), b.trainable("gamma", Shape.vector(cols), 0),
        b.trainable("beta", Shape.vector(cols), 0), 1e-5);
    Value loss = g.loss(Loss.CROSS_ENTROPY, g.linear(n, b.frozen("head", Shape.of(16, cols))), labels);
    Value sum = b.state("lossSum", Shape.vector(1));
    Value count = b.state("count", Shape.vector(1));
    g.addSum(loss, sum);
    g.countTargets(Loss.CROSS_ENTROPY, labels, count);
    g.backward(loss);
    b.entry("apply").optimizerStep(new OptimizerSpec(OptimizerSpec.Kind.ADAMW, 0.9, 0.999, 1e-8, List.of(0.01), 1),
        b.input("hyper", Shape.vector(3)), sum, count, b.state("report", Shape.vector(3)));
    ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Workers workers = new Workers(2); Executable executable = new CpuBackend(KernelProvider.select("vector"), workers).compile(b.build(),
        CompileOptions.DEFAULT);
        GradientSums sums = new GradientSums(executable, MICRO_BATCHES, true)) {
      long[] threads = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread == Thread.currentThread()
          || thread.getName().startsWith("lora4j-worker")).mapToLong(Thread::threadId).toArray();
      executable.write(segments, new int[] {0, 40, 0, 40, 0, 40, 24, 40, 24, 0}, 10);
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 100 && least > 4096; round++) {
        for (int i = 0; i < 200; i++) {
          step(executable, sums);
        }
        long before = Arrays.stream(bean.getThreadAllocatedBytes(threads)).sum();
        step(executable, sums);
        least = Math.min(least, Arrays.stream(bean.getThreadAllocatedBytes(threads)).sum() - before);
      }
      if (least > 4096) {
        throw new IllegalStateException("a step allocates " + least + " bytes after warm-up");
      }
    }
  }

  private static void step(Executable executable, GradientSums sums) {
    for (int micro = 0; micro < MICRO_BATCHES; micro++) {
      sums.before();
      executable.run("accumulate");
      sums.after(micro);
    }
    sums.finish(GradientExchange.NONE, 0);
    executable.run("apply");
  }
}
