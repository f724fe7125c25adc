package io.github.lora4j.generate;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Counts what a step of three sequences with two adapters and most settings allocates after warm-up, on the caller and all workers: the least of many
 * steps, within what the JVM itself does on them. A program of its own, because the compiler decides by what a JVM has run before, and vectors are
 * boxed until it has compiled all kernels.
 */
final class StepAllocation {

  private static final long BOUND = 4096;
  private static final int ROUNDS = 2000;

  private StepAllocation() {}

  public static void main(String[] args) throws IOException {
    TinyLlama llama = TinyLlama.write(Path.of(args[0]));
    GenerationConfig drawing = GenerationSettings.of(Map.of("temperature", 0.8, "top_p", 0.9, "top_k", 20, "typical_p", 0.95,
        "repetition_penalty", 1.1, "no_repeat_ngram_size", 3, "seed", 3));
    GenerationConfig greedy = GenerationSettings.of(Map.of());
    ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (CpuBackend backend = new CpuBackend(KernelProvider.select("auto"), new Workers(2)); AdapterSet set = llama.adapters("one", "two");
        Checkpoint files = Checkpoint.open(Path.of(args[0])); Generator generator = Generator.open(llama.model(), files, set,
            new GeneratorOptions(3, 16, 3 * TinyLlama.CONTEXT, TinyLlama.CONTEXT, WeightFormat.F32), backend)) {
      long[] threads = Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.equals(Thread.currentThread())
          || thread.getName().startsWith("lora4j-worker")).mapToLong(Thread::threadId).toArray();
      List<Request> requests = List.of(Request.of(new int[] {1, 2, 3}, greedy).with("one"), Request.of(new int[] {4, 5}, drawing).with("two"),
          Request.of(new int[] {6}, greedy).with(AdapterSet.BASE));
      List<Sequence> sequences = new ArrayList<>(requests.stream().map(generator::add).toList());
      long least = Long.MAX_VALUE;
      for (int round = 0; round < ROUNDS && least > BOUND; round++) {
        for (int i = 0; i < sequences.size(); i++) {
          generator.resume(sequences.get(i), requests.get(i));
        }
        for (int step = 0; step < 60; step++) {
          long before = Arrays.stream(bean.getThreadAllocatedBytes(threads)).sum();
          generator.step(TokenListener.NONE);
          least = Math.min(least, Arrays.stream(bean.getThreadAllocatedBytes(threads)).sum() - before);
        }
      }
      if (least > BOUND) {
        throw new IllegalStateException("a step allocates " + least + " bytes after warm-up");
      }
    }
  }
}
