package io.github.lora4j.bench;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.internal.Losses;
import io.github.lora4j.vector.internal.Simd;
import io.github.lora4j.vector.internal.VectorMath;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Nanoseconds of processor time per element of functions and row kernels on four rows of 768 floats in cache, one thread, interleaved, and
 * the bytes a call allocates: for machines that others use, and for compilers other than C2. JMH's figures are those of
 * {@link RowsBench} and {@link ElementwiseBench}.
 *
 * <p>System properties: {@code reps} (21), {@code warmup} (40).
 */
public final class ElementTime {

  /** What is read and written together fits a first-level cache of 32 KB. */
  private static final int ROWS = 4;
  private static final int COLS = 768;
  private static final int COUNT = ROWS * COLS;
  private static final int CALLS = 400;
  private static final long PAGE = 4096;

  private ElementTime() {}

  public static void main(String[] args) {
    int reps = Integer.getInteger("reps", 21);
    int warmup = Integer.getInteger("warmup", 40);
    ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Memory memory = new Memory("bench")) {
      Map<String, Runnable> kernels = kernels(memory);
      Map<String, double[]> nanos = new LinkedHashMap<>();
      Map<String, Long> bytes = new LinkedHashMap<>();
      for (int i = -warmup; i < reps; i++) {
        for (Map.Entry<String, Runnable> kernel : kernels.entrySet()) {
          long allocated = bean.getCurrentThreadAllocatedBytes();
          long start = bean.getCurrentThreadCpuTime();
          for (int call = 0; call < CALLS; call++) {
            kernel.getValue().run();
          }
          double time = (bean.getCurrentThreadCpuTime() - start) / (double) CALLS / COUNT;
          if (i >= 0) {
            nanos.computeIfAbsent(kernel.getKey(), name -> new double[reps])[i] = time;
            bytes.merge(kernel.getKey(), (bean.getCurrentThreadAllocatedBytes() - allocated) / CALLS, Math::min);
          }
        }
      }
      System.out.printf("%-14s %10s %18s %12s%n", "", "ns/element", "quartiles", "bytes a call");
      nanos.forEach((name, times) -> {
        Arrays.sort(times);
        System.out.printf("%-14s %10.3f %8.3f to %.3f %12d%n", name, times[reps / 2], times[reps / 4], times[reps - 1 - reps / 4],
            bytes.get(name));
      });
    }
  }

  private static Map<String, Runnable> kernels(Memory memory) {
    Kernels kernels = KernelProvider.select("vector");
    // Half a page apart in their low bits: a read that agrees in them with a write shortly before it waits for it.
    MemorySegment floats = memory.allocate(3 * 4L * COUNT + PAGE / 2, "x, negative, out");
    MemorySegment x = floats.asSlice(0, 4L * COUNT);
    MemorySegment negative = floats.asSlice(4L * COUNT, 4L * COUNT);
    MemorySegment out = floats.asSlice(2 * 4L * COUNT + PAGE / 2, 4L * COUNT);
    MemorySegment gamma = memory.allocate(4L * COLS, "gamma");
    MemorySegment stats = memory.allocate(8L * ROWS, "statistics");
    Random random = new Random(1);
    for (int i = 0; i < COUNT; i++) {
      x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
      negative.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) -Math.abs(random.nextGaussian()));
    }
    Map<String, Runnable> all = new LinkedHashMap<>();
    all.put("exp", () -> exp(negative, out));
    for (Activation f : new Activation[] {Activation.TANH, Activation.GELU, Activation.GELU_TANH, Activation.SILU}) {
      all.put(f.name(), () -> kernels.activation(f, x, out, 0, COUNT));
      all.put(f + " grad", () -> kernels.activationGrad(f, x, negative, out, 0, COUNT));
    }
    all.put("softmax", () -> softmax(x, out));
    MemorySegment keys = memory.allocate(8L * ROWS, "row keys");
    MemorySegment seed = memory.allocate(12, "random");
    all.put("dropout", () -> kernels.dropout(x, keys, seed, 7, 0.1, out, COLS, 0, ROWS));
    MemorySegment ids = memory.allocate(4L * ROWS, "ids");
    all.put("cross entropy", () -> kernels.loss(Loss.CROSS_ENTROPY, x, ids, stats, COLS, 0, ROWS));
    all.put("its gradient", () -> kernels.lossGrad(Loss.CROSS_ENTROPY, x, ids, out, COLS, 0, ROWS));
    MemorySegment state = memory.allocate(4 * 4L * COUNT + PAGE, "parameters, moments");
    MemorySegment theta = state.asSlice(0, 4L * COUNT);
    MemorySegment first = state.asSlice(4L * COUNT + PAGE / 4, 4L * COUNT);
    MemorySegment second = state.asSlice(2 * 4L * COUNT + PAGE / 2, 4L * COUNT);
    MemorySegment most = state.asSlice(3 * 4L * COUNT + 3 * PAGE / 4, 4L * COUNT);
    AdamScalars adam = new AdamScalars();
    adam.lr = 1e-4;
    adam.beta1 = 0.9;
    adam.beta2 = 0.999;
    adam.eps = 1e-8;
    adam.decoupled = true;
    adam.gradScale = 1;
    adam.biasCorrection1 = 0.5;
    adam.biasCorrection2 = 0.01;
    all.put("adamw", () -> kernels.adam(theta, x, first, second, 0, COUNT, adam));
    all.put("amsgrad", () -> kernels.amsgrad(theta, x, first, second, most, 0, COUNT, adam));
    all.put("sgd", () -> kernels.sgd(theta, x, first, 0, COUNT, 1e-4, 0.9, 0.01, 1, false));
    all.put("layer norm", () -> kernels.layerNorm(x, gamma, gamma, out, stats, COLS, 1e-5, 0, ROWS));
    return all;
  }

  private static void exp(MemorySegment x, MemorySegment out) {
    for (long at = 0; at < 4L * COUNT; at += Simd.BYTES) {
      VectorMath.expOfNegative(Simd.load(x, at)).intoMemorySegment(out, at, ByteOrder.nativeOrder());
    }
  }

  private static void softmax(MemorySegment x, MemorySegment out) {
    for (long row = 0; row < 4L * COUNT; row += 4L * COLS) {
      Losses.softmax(x, out, row, 4L * COLS, row);
    }
  }
}
