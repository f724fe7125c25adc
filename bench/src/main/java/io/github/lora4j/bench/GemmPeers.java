package io.github.lora4j.bench;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.vector.Gemm.Form;
import io.github.lora4j.vector.Memory;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.internal.gemm.VectorGemms;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * Our matrix products against oneDNN and against our own micro-kernel on data in cache, interleaved burst by burst so that a
 * machine whose clock or load moves treats all alike. Prints medians; ratios are medians of ratios of neighbours.
 * Bests are printed too: on a machine that others use they say what an idle one would give. Bytes are what one of our products allocates:
 * more than a few hundred means that vectors became objects.
 *
 * <p>System properties: {@code onednn.library} (path; without it only ours), {@code shapes} (mxnxk, comma-separated), {@code form},
 * {@code storage} (F32, BF16, F16: packed once; live: packed at each call), {@code threads}, {@code reps}, {@code flops} of a burst (4e9: with
 * bursts of a tenth oneDNN's threads still stir while ours are timed, and the first shape is measured while C2 works), {@code copies} of the
 * operands that take turns (1; together larger than the last cache they are cold at each call).
 * With one thread time is the thread's CPU time, otherwise wall time. For oneDNN set OMP_NUM_THREADS to the same threads and
 * OMP_WAIT_POLICY=passive: otherwise its threads go on spinning for milliseconds while ours are timed.
 */
public final class GemmPeers {

  private static final String SHAPES = "128x768x768,512x768x768,512x3072x768,512x768x3072,1024x2048x2048,512x4096x4096,128x4096x4096,"
      + "4096x1024x1024";
  private static final int DEPTH = 256;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private GemmPeers() {}

  public static void main(String[] args) {
    int threads = Integer.getInteger("threads", 1);
    int reps = Integer.getInteger("reps", 15);
    int copies = Integer.getInteger("copies", 1);
    double burst = Double.parseDouble(System.getProperty("flops", "4e9"));
    Form form = Form.valueOf(System.getProperty("form", "NT"));
    String storage = System.getProperty("storage", "F32");
    String library = System.getProperty("onednn.library");
    OneDnn peer = library == null ? null : new OneDnn(Path.of(library));
    System.out.printf("%s, %s %s, %d thread(s), %s time%n", VectorGemms.describe(), form, storage, threads, threads == 1 ? "CPU" : "wall");
    System.out.printf("%-18s %8s %8s %8s %9s %9s %26s %10s%n", "m x n x k", "ours", "oneDNN", "tile", "/oneDNN", "/tile",
        "best: ours, oneDNN, tile", "bytes");
    double logPeer = 0;
    double logTile = 0;
    List<String> shapes = List.of(System.getProperty("shapes", SHAPES).split(","));
    try (Workers workers = new Workers(threads); Memory memory = new Memory("tile")) {
      MemorySegment a = memory.allocate(1 << 17, "A");
      MemorySegment b = memory.allocate(1 << 17, "B");
      MemorySegment t = memory.allocate(1 << 14, "tile");
      for (String shape : shapes) {
        GemmCase[] cases = new GemmCase[copies];
        Arrays.setAll(cases, i -> new GemmCase(shape, form, storage, threads));
        try {
          GemmCase test = cases[0];
          int calls = (int) Math.max(1, burst / test.flops());
          Runnable ours = () -> repeat(calls, i -> cases[i % copies].ours(workers));
          Runnable theirs = () -> repeat(calls, i -> cases[i % copies].peer(Objects.requireNonNull(peer, "run where there is one")));
          int tiles = (int) (burst / 4 / VectorGemms.tileFlops(a, b, t, DEPTH, 1)) + 1;
          double[][] rates = new double[reps][5];
          long bytes = Long.MAX_VALUE;
          for (int i = -5; i < reps; i++) {
            long allocated = allocated(threads);
            double x = calls * test.flops() / nanos(threads, ours);
            bytes = Math.min(bytes, (allocated(threads) - allocated) / calls);
            double y = peer == null ? Double.NaN : calls * test.flops() / nanos(threads, theirs);
            long start = clock(1);
            double z = VectorGemms.tileFlops(a, b, t, DEPTH, tiles) / (double) (clock(1) - start);
            if (i >= 0) {
              rates[i] = new double[] {x, y, z, x / y, x / z};
            }
          }
          System.out.printf("%-18s %8.1f %8.1f %8.1f %9.3f %9.3f %10.1f %7.1f %7.1f %10d%n", shape, median(rates, 0), median(rates, 1),
              median(rates, 2), median(rates, 3), median(rates, 4), best(rates, 0), best(rates, 1), best(rates, 2),
              bytes);
          logPeer += Math.log(median(rates, 3));
          logTile += Math.log(median(rates, 4));
        } finally {
          for (GemmCase each : cases) {
            each.close();
          }
        }
      }
    }
    System.out.printf("%-45s %9.3f %9.3f%n", "geometric mean", Math.exp(logPeer / shapes.size()), Math.exp(logTile / shapes.size()));
  }

  private static void repeat(int calls, IntConsumer action) {
    for (int i = 0; i < calls; i++) {
      action.accept(i);
    }
  }

  private static double nanos(int threads, Runnable action) {
    long start = clock(threads);
    action.run();
    return clock(threads) - start;
  }

  private static long clock(int threads) {
    return threads == 1 ? THREADS.getCurrentThreadCpuTime() : System.nanoTime();
  }

  private static long allocated(int threads) {
    return threads == 1 ? THREADS.getCurrentThreadAllocatedBytes() : THREADS.getTotalThreadAllocatedBytes();
  }

  private static double best(double[][] rates, int column) {
    return Arrays.stream(rates).mapToDouble(r -> r[column]).max().orElseThrow();
  }

  private static double median(double[][] rates, int column) {
    double[] values = Arrays.stream(rates).mapToDouble(r -> r[column]).sorted().toArray();
    return values[values.length / 2];
  }
}
