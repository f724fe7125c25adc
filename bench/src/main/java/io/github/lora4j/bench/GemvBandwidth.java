package io.github.lora4j.bench;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.Gemm;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.KernelProvider;
import io.github.lora4j.vector.Kernels;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.WeightFormat;
import io.github.lora4j.vector.WeightFormats;
import io.github.lora4j.vector.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of few rows with packed weights that no cache holds, as in generation: GB/s of weights beside those of a loop that only reads
 * the same bytes, interleaved. The share is the median of ratios of neighbours; beside a busy neighbour the
 * ratio of the best of both says more.
 *
 * <p>System properties: {@code gigabytes} of weights (1), {@code depth} (4096), {@code rows} and {@code storage} (names of weight formats,
 * comma-separated), {@code threads} (1), {@code reps} (11). One thread is timed by what it gets of the processor, several by the wall: memory is
 * shared by all processors, so nothing else should run.
 */
public final class GemvBandwidth {

  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final int PIECE = 1 << 20;

  private GemvBandwidth() {}

  public static void main(String[] args) {
    int threads = Integer.getInteger("threads", 1);
    int reps = Integer.getInteger("reps", 11);
    int k = Integer.getInteger("depth", 4096);
    double gigabytes = Double.parseDouble(System.getProperty("gigabytes", "1"));
    Kernels kernels = KernelProvider.select("vector");
    System.out.printf("%s, %d thread(s), %s%n", kernels.describe(), threads, threads == 1 ? "processor time" : "wall time");
    System.out.printf("%-8s %5s %18s %12s %12s %8s %18s %14s%n", "storage", "rows", "n x k", "GB/s", "read GB/s", "share", "share, quartiles",
        "best to best");
    for (String name : System.getProperty("storage", "f32,bf16,f16,q8_0,q4_0,nf4,q4_k,q6_k").split(",")) {
      WeightFormat storage = WeightFormats.named(name);
      int n = (int) (gigabytes * (1 << 30) / WeightFormats.rowBytes(storage, k)) / 64 * 64;
      try (Memory memory = new Memory("bench"); Workers workers = new Workers(threads)) {
        MemorySegment weights = blocks(memory, kernels.packedBytes(n, k, storage), storage, k);
        MemorySegment sums = memory.allocate(64L * threads, "sums");
        for (String rows : System.getProperty("rows", "1,2,4").split(",")) {
          measure(kernels, memory, workers, weights, sums, storage, new int[] {Integer.parseInt(rows), n, k, reps});
        }
      }
    }
  }

  private static void measure(Kernels kernels, Memory memory, Workers workers, MemorySegment weights, MemorySegment sums, WeightFormat storage,
      int[] shape) {
    int m = shape[0];
    int n = shape[1];
    int k = shape[2];
    int reps = shape[3];
    Gemm.Spec spec = new Gemm.Spec(Form.NT, m, m, n, k, 1, true, storage);
    MemorySegment a = memory.allocate(4L * m * k, "A");
    for (long i = 0; i < (long) m * k; i++) {
      a.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i % 127 - 63) / 64f);
    }
    Gemm gemm = kernels.gemm(spec, new Gemm.Operands(a, weights, MemorySegment.NULL, MemorySegment.NULL, memory.allocate(4L * m * n, "C"),
        memory.allocate(kernels.gemmScratchBytes(spec, workers.threads()), "scratch")));
    double gigabytes = (weights.byteSize() >> 20 << 20) / 1e9;
    double[] ours = new double[reps];
    double[] reads = new double[reps];
    double[] shares = new double[reps];
    for (int i = -5; i < reps; i++) {
      double read = gigabytes / seconds(workers, () -> read(workers, weights, sums));
      double product = weights.byteSize() / 1e9 / seconds(workers, () -> gemm.run(workers, m));
      if (i >= 0) {
        reads[i] = read;
        ours[i] = product;
        shares[i] = product / read;
      }
    }
    System.out.printf("%-8s %5d %18s %12.1f %12.1f %8.2f %10.2f to %.2f %14.2f%n", storage.name(), m, n + " x " + k, quantile(ours, 0.5),
        quantile(reads, 0.5), quantile(shares, 0.5), quantile(shares, 0.25), quantile(shares, 0.75), quantile(ours, 1) / quantile(reads, 1));
  }

  /** One row of random values, again and again; elements as {@link #weights} makes them. */
  private static MemorySegment blocks(Memory memory, long bytes, WeightFormat storage, int k) {
    if (storage instanceof Elements elements) {
      return weights(memory, bytes, elements.type());
    }
    MemorySegment weights = memory.allocate(bytes, "weights");
    MemorySegment row = memory.allocate(4L * k, "row");
    Random random = new Random(1);
    for (int i = 0; i < k; i++) {
      row.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    storage.encode(row, 0, weights, 0, k);
    long rowBytes = WeightFormats.rowBytes(storage, k);
    for (long at = rowBytes; at + rowBytes <= bytes; at += rowBytes) {
      MemorySegment.copy(weights, 0, weights, at, rowBytes);
    }
    return weights;
  }

  /** Finite values whatever the storage: every half word is about one. */
  static MemorySegment weights(Memory memory, long bytes, DType storage) {
    MemorySegment weights = memory.allocate(bytes, "weights");
    int pattern = switch (storage) {
      case F32 -> 0x3C03126F;
      case BF16 -> 0x3C033C03;
      default -> 0x1C031C03;
    };
    for (long at = 0; at < bytes; at += 4) {
      weights.set(ValueLayout.JAVA_INT, at, pattern + (int) (at >> 8 & 0x3F));
    }
    return weights;
  }

  private static double seconds(Workers workers, Runnable action) {
    long start = now(workers);
    action.run();
    return (now(workers) - start) / (double) TimeUnit.SECONDS.toNanos(1);
  }

  private static long now(Workers workers) {
    return workers.threads() == 1 ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
  }

  static void read(Workers workers, MemorySegment weights, MemorySegment sums) {
    int pieces = (int) (weights.byteSize() / PIECE);
    workers.run(pieces, (index, worker) -> {
      int sum = sum(weights, (long) index * PIECE, PIECE);
      sums.set(ValueLayout.JAVA_INT, worker * 64L, sums.get(ValueLayout.JAVA_INT, worker * 64L) + sum);
    });
  }

  /** Sum of all words of a piece in four chains. */
  private static int sum(MemorySegment weights, long from, int bytes) {
    ByteOrder order = ByteOrder.nativeOrder();
    int width = INTS.vectorByteSize();
    IntVector a = IntVector.zero(INTS);
    IntVector b = a;
    IntVector c = a;
    IntVector d = a;
    for (int at = 0; at < bytes; at += 4 * width) {
      a = a.add(IntVector.fromMemorySegment(INTS, weights, from + at, order));
      b = b.add(IntVector.fromMemorySegment(INTS, weights, from + at + width, order));
      c = c.add(IntVector.fromMemorySegment(INTS, weights, from + at + 2L * width, order));
      d = d.add(IntVector.fromMemorySegment(INTS, weights, from + at + 3L * width, order));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  private static double quantile(double[] values, double q) {
    double[] sorted = Arrays.stream(values).sorted().toArray();
    return sorted[(int) Math.round(q * (sorted.length - 1))];
  }
}
