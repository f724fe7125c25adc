package io.github.lora4j.cli;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.ThreadMXBean;
import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which compiler the JVM has, and whether it makes instructions of the Vector API. Where it does not, each vector is an object, and kernels take a
 * hundred times as long; so what a kernel allocates tells, on a busy machine as well.
 */
final class VectorProbe {

  private static final int ROWS = 16;
  private static final int COLS = 4096;
  private static final int ELEMENTS = ROWS * COLS;
  /** Time of this thread, in nanoseconds, that a compiler may take to be done with a kernel. */
  private static final long PATIENCE = 4_000_000_000L;
  private static final int FEW_CALLS = 3;

  private VectorProbe() {}

  /** What makes machine code in this JVM, as far as it says. */
  static String compiler() {
    if (ManagementFactory.getCompilationMXBean() == null) {
      return "none: Java interprets its code (-Xint)";
    }
    if ("true".equals(option("UseJVMCICompiler"))) {
      return "Graal's";
    }
    String level = option("TieredStopAtLevel");
    return level.isEmpty() ? "unknown" : level.equals("4") ? "C2" : "C1 alone (-XX:TieredStopAtLevel=%s)".formatted(level);
  }

  /** An option of the JVM; empty where it has none of this name. */
  private static String option(String name) {
    try {
      return ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).getVMOption(name).getValue();
    } catch (IllegalArgumentException e) {
      return "";
    }
  }

  /** The kernels that allocate although they have been called again and again, each with the bytes of a call. */
  static Map<String, Long> allocating(CpuBackend cpu) {
    Kernels kernels = cpu.kernels();
    Map<String, Long> found = new LinkedHashMap<>();
    try (Memory memory = new Memory("doctor"); Workers alone = new Workers(1)) {
      MemorySegment x = floats(memory, ELEMENTS);
      MemorySegment y = floats(memory, ELEMENTS);
      MemorySegment labels = memory.allocate(4L * ROWS, "labels");
      MemorySegment weights = floats(memory, 64L * COLS);
      MemorySegment panels = memory.allocate(kernels.packedBytes(64, COLS, WeightFormat.F32), "panels");
      kernels.pack(64, COLS, weights, panels, WeightFormat.F32);
      Gemm.Spec spec = new Gemm.Spec(Gemm.Form.NT, ROWS, ROWS, 64, COLS, 1, true, WeightFormat.F32);
      Gemm product = kernels.gemm(spec, new Gemm.Operands(x, panels, MemorySegment.NULL, MemorySegment.NULL, y,
          memory.allocate(Math.max(64, kernels.gemmScratchBytes(spec, 1)), "scratch")));
      Map<String, Runnable> all = new LinkedHashMap<>();
      all.put("products", () -> product.run(alone, ROWS));
      all.put("gelu", () -> kernels.activation(Activation.GELU, x, y, 0, ELEMENTS));
      all.put("cross-entropy", () -> kernels.loss(Loss.CROSS_ENTROPY, x, labels, y, COLS, 0, ROWS));
      all.forEach((name, kernel) -> {
        long bytes = bytes(kernel, ELEMENTS / 16, PATIENCE);
        if (bytes > 0) {
          found.put(name, bytes);
        }
      });
    }
    return found;
  }

  private static MemorySegment floats(Memory memory, long elements) {
    MemorySegment segment = memory.allocate(4 * elements, "floats");
    for (long i = 0; i < elements; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i % 127 - 63) / 64f);
    }
    return segment;
  }

  /**
   * Calls until a few calls in a row allocate less than {@code little} bytes, then 0; or what the last call allocated, when this thread has run for
   * so long.
   */
  static long bytes(Runnable call, long little, long patience) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    int few = 0;
    long bytes;
    do {
      long before = threads.getCurrentThreadAllocatedBytes();
      call.run();
      bytes = threads.getCurrentThreadAllocatedBytes() - before;
      few = bytes < little ? few + 1 : 0;
    } while (few < FEW_CALLS && threads.getCurrentThreadCpuTime() - start < patience);
    return few < FEW_CALLS ? bytes : 0;
  }
}
