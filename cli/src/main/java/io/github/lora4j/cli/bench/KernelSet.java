package io.github.lora4j.cli.bench;

import io.github.lora4j.graph.cpu.CpuBackend;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.AdamScalars;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Loss;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** The processor's kernels by themselves, on all worker threads. */
final class KernelSet {

  /** Rows, outputs, inputs of products in encoders and decoders. */
  private static final int[][] PRODUCTS = {{128, 768, 768}, {512, 768, 768}, {512, 3072, 768}, {512, 768, 3072}, {1024, 2048, 2048},
      {512, 4096, 4096}, {4096, 1024, 1024}, {4096, 384, 384}};
  /** Elements of a kernel that works on single elements: beyond the caches. */
  private static final int ELEMENTS = 1 << 24;
  private static final int PIECE = 1 << 14;
  /** A repetition lasts at least as long. */
  private static final double LEAST_SECONDS = 0.02;

  private record Kernel(String name, long flops, long traffic, Runnable run) {}

  private final Kernels kernels;
  private final Workers workers;
  private final int samples;

  KernelSet(CpuBackend cpu, int samples) {
    kernels = cpu.kernels();
    workers = cpu.workers();
    this.samples = samples;
  }

  /** Each kernel in turn. */
  List<Measurement> measure() {
    List<Measurement> all = new ArrayList<>();
    for (int[] shape : PRODUCTS) {
      try (Memory memory = new Memory("benchmark")) {
        all.add(measure(product(memory, shape[0], shape[1], shape[2])));
      }
    }
    try (Memory memory = new Memory("benchmark")) {
      elements(memory).forEach(kernel -> all.add(measure(kernel)));
    }
    try (Memory memory = new Memory("benchmark")) {
      all.add(measure(attention(memory)));
    }
    return all;
  }

  private Measurement measure(Kernel kernel) {
    int repeats = 1;
    double seconds = time(kernel.run, 1);
    for (int i = 0; i < 50 && (i < 3 || seconds < LEAST_SECONDS); i++) {
      repeats = Math.max(1, (int) Math.ceil(repeats * LEAST_SECONDS / Math.max(1e-7, seconds)));
      seconds = time(kernel.run, repeats);
    }
    // The compiler is done when the time no longer falls.
    for (int i = 0; i < 20; i++) {
      double again = time(kernel.run, repeats);
      if (again > 0.98 * seconds && i >= 5) {
        break;
      }
      seconds = Math.min(seconds, again);
    }
    double[] times = new double[samples];
    for (int i = 0; i < samples; i++) {
      times[i] = time(kernel.run, repeats) / repeats;
    }
    return new Measurement("kernel", kernel.name, "cpu", 0, 0, kernel.flops, kernel.traffic, 0, OptionalDouble.empty(), times);
  }

  private static double time(Runnable run, int repeats) {
    long start = System.nanoTime();
    for (int i = 0; i < repeats; i++) {
      run.run();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private static MemorySegment floats(Memory memory, long elements) {
    MemorySegment segment = memory.allocate(4 * elements, "floats");
    for (long i = 0; i < elements; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i % 127 - 63) / 64f);
    }
    return segment;
  }

  private Kernel product(Memory memory, int m, int n, int k) {
    MemorySegment panels = memory.allocate(kernels.packedBytes(n, k, WeightFormat.F32), "panels");
    kernels.pack(n, k, floats(memory, (long) n * k), panels, WeightFormat.F32);
    Gemm.Spec spec = new Gemm.Spec(Gemm.Form.NT, m, m, n, k, 1, true, WeightFormat.F32);
    MemorySegment scratch = memory.allocate(kernels.gemmScratchBytes(spec, workers.threads()), "scratch");
    MemorySegment c = memory.allocate(4L * m * n, "C");
    Gemm gemm = kernels.gemm(spec, new Gemm.Operands(floats(memory, (long) m * k), panels, MemorySegment.NULL, MemorySegment.NULL, c,
        scratch));
    return new Kernel("product %dx%dx%d, weights packed".formatted(m, n, k), 2L * m * n * k, 0, () -> gemm.run(workers, m));
  }

  private List<Kernel> elements(Memory memory) {
    MemorySegment x = floats(memory, ELEMENTS);
    MemorySegment y = floats(memory, ELEMENTS);
    MemorySegment z = floats(memory, ELEMENTS);
    MemorySegment v = floats(memory, ELEMENTS);
    MemorySegment gamma = floats(memory, 768);
    MemorySegment labels = memory.allocate(4L * 512, "labels");
    v.fill((byte) 0);
    AdamScalars adam = new AdamScalars();
    adam.lr = 1e-6;
    adam.beta1 = 0.9;
    adam.beta2 = 0.999;
    adam.eps = 1e-8;
    adam.gradScale = 1;
    adam.biasCorrection1 = 0.1;
    adam.biasCorrection2 = 0.001;
    adam.decoupled = true;
    int rows = ELEMENTS / 768;
    int words = 30522;
    int pieces = ELEMENTS / PIECE;
    return List.of(
        new Kernel("add, 16 M elements", 0, 12L * ELEMENTS, () -> workers.run(pieces, (i, worker) -> kernels.add(x, y, z, (long) i * PIECE,
        (i + 1L) * PIECE))),
        new Kernel("gelu, 16 M elements", 0, 8L * ELEMENTS, () -> workers.run(pieces,
            (i, worker) -> kernels.activation(Activation.GELU, x, z, (long) i * PIECE, (i + 1L) * PIECE))),
        new Kernel("layer norm, %d x 768".formatted(rows), 0, 8L * rows * 768, () -> workers.run(rows / 16,
            (i, worker) -> kernels.layerNorm(x, gamma, gamma, z, v, 768, 1e-12, i * 16, (i + 1) * 16))),
        new Kernel("cross-entropy, 512 x 30522", 0, 4L * 512 * words, () -> workers.run(512,
            (i, worker) -> kernels.loss(Loss.CROSS_ENTROPY, x, labels, z, words, i, i + 1))),
        new Kernel("adamw, 16 M parameters", 0, 28L * ELEMENTS, () -> workers.run(pieces,
            (i, worker) -> kernels.adam(z, y, x, v, (long) i * PIECE, (i + 1L) * PIECE, adam))));
  }

  private Kernel attention(Memory memory) {
    AttentionSpec spec = new AttentionSpec(12, 12, 64, 0.125f, false);
    int sequences = 16;
    int length = 128;
    long elements = (long) sequences * length * 768;
    MemorySegment q = floats(memory, elements);
    MemorySegment k = floats(memory, elements);
    MemorySegment v = floats(memory, elements);
    MemorySegment out = floats(memory, elements);
    MemorySegment lse = floats(memory, (long) sequences * length * 12);
    long bytes = Memory.align(kernels.attentionScratchBytes(spec, length));
    MemorySegment[] scratch = new MemorySegment[workers.threads()];
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = memory.allocate(bytes, "scratch");
    }
    return new Kernel("attention, 16 x 128, 12 heads of 64", 4L * sequences * length * length * 768, 0, () -> workers.run(sequences * 12,
        (i, worker) -> kernels.attention(spec, q, k, v, AttentionSpec.Bias.NONE, out, lse, i / 12 * length, length, i / 12 * length, length, 0,
        i % 12, scratch[worker])));
  }
}
