package io.github.lora4j.bench.peers;

import io.github.lora4j.bench.peers.Peer.Product;
import io.github.lora4j.vector.Workers;
import io.github.lora4j.vector.internal.gemm.VectorGemms;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Matrix products Y[m,n] = X[m,k] W[n,k]^T in F32: ours beside other JVM libraries, in one process and in turn, burst by burst, so that
 * whatever else the machine does falls on all. Every library's Y is checked against F64 first; one that is wrong or missing has a row
 * that says so. Figures are medians; ratios are medians of ratios of bursts of the same round. Prints Markdown.
 *
 * <p>System properties: {@code threads} (OMP_NUM_THREADS must say the same), {@code shapes} (mxnxk, comma-separated), {@code reps},
 * {@code flops} of a burst, {@code seconds} a library may take for a shape (slow ones get fewer bursts, at least 3), {@code peers}
 * (substrings of names; all), {@code settle}. With one thread time is the calling thread's CPU time, otherwise wall time, and before a
 * burst come {@code settle} milliseconds of sleep, 50 unless told, and 20 of products that are not counted: idle threads of OpenMP and
 * OpenBLAS spin for up to some 30 ms and would take the processor from whoever is next, while telling them not to spin slows them down;
 * and threads that just woke may share a processor for some milliseconds.
 */
public final class JvmPeers {

  private static final String SHAPES = "128x768x768,512x768x768,512x3072x768,512x768x3072,1024x2048x2048,512x4096x4096,128x4096x4096,"
      + "4096x1024x1024";
  private static final int WARM_UP = 5;

  private final int threads = Integer.getInteger("threads", 1);
  private final int reps = Integer.getInteger("reps", 15);
  private final double burst = Double.parseDouble(System.getProperty("flops", threads == 1 ? "4e8" : "1e9"));
  private final double seconds = Double.parseDouble(System.getProperty("seconds", "4"));
  private final int settle = Integer.getInteger("settle", threads == 1 ? 0 : 50);
  private final List<String> wanted = List.of(System.getProperty("peers", "").toLowerCase(Locale.ROOT).split(","));
  private final List<Peer> peers = new ArrayList<>();
  private final Map<String, String> missing = new LinkedHashMap<>();

  private JvmPeers() {}

  public static void main(String[] args) {
    JvmPeers table = new JvmPeers();
    if (!Integer.toString(table.threads).equals(System.getenv("OMP_NUM_THREADS"))) {
      throw new IllegalStateException("set OMP_NUM_THREADS=" + table.threads + ": the libraries read it as they load");
    }
    try (Workers workers = new Workers(table.threads)) {
      // Ours first: Jlama switches off the Vector API's bounds checks for a process whose first use of it is Jlama's.
      table.peers.add(new Ours(workers, true));
      table.peers.add(new Ours(workers, false));
      VectorGemms.describe();
      table.load();
      table.measure(List.of(System.getProperty("shapes", SHAPES).split(",")));
    }
  }

  private void load() {
    load("DJL", () -> new Djl(threads));
    load("ND4J", () -> new Nd4jGemm(threads));
    load("EJML", () -> new Ejml(threads, false));
    load("EJML blocks", () -> new Ejml(threads, true));
    load("Jlama Vector API", () -> new Jlama(threads, false));
    load("Jlama native", () -> new Jlama(threads, true));
  }

  private void load(String name, Callable<Peer> constructor) {
    if (wanted.stream().noneMatch(name.toLowerCase(Locale.ROOT)::contains)) {
      missing.put(name, "not asked for");
      return;
    }
    try {
      Peer peer = constructor.call();
      peer.name();
      peers.add(peer);
    } catch (Exception | LinkageError e) {
      missing.put(name, reason(e));
    }
  }

  /** The innermost cause, which for libraries that load natives says what is wrong. */
  private static String reason(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.toString().lines().findFirst().orElseThrow();
  }

  private void measure(List<String> shapes) {
    String clock = threads == 1 ? "1 thread, CPU time" : threads + " threads, wall time";
    System.out.printf("%s; Java %s; %s; load %.1f%n%n", VectorGemms.describe(), Runtime.version(), clock,
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    StringBuilder heads = new StringBuilder("| m x n x k, GFLOP/s |");
    StringBuilder rule = new StringBuilder("|---|");
    peers.forEach(peer -> {
      heads.append(' ').append(peer.name()).append(" |");
      rule.append("--:|");
    });
    System.out.println(heads + "\n" + rule);
    double[][] logs = new double[peers.size()][3];
    String[] faults = new String[peers.size()];
    double[] errors = new double[peers.size()];
    for (String shape : shapes) {
      measure(shape, logs, faults, errors);
    }
    System.out.println("\n| geometric means | W | threads | GFLOP/s | lora4j, packed once, is times as fast | packing at each call |"
        + " largest error |");
    System.out.println("|---|---|--:|--:|--:|--:|--:|");
    for (int p = 0; p < peers.size(); p++) {
      Peer peer = peers.get(p);
      String start = "| " + peer.name() + " | " + peer.weight() + " | " + peer.threads() + " | ";
      if (faults[p] != null) {
        System.out.println(start + faults[p] + " | | | |");
      } else {
        double[] means = Arrays.stream(logs[p]).map(sum -> Math.exp(sum / shapes.size())).toArray();
        System.out.printf("%s%.1f | %.2f | %.2f | %.0e |%n", start, means[0], means[1], means[2], errors[p]);
      }
    }
    missing.forEach((name, why) -> System.out.println("| " + name + " | | | missing: " + why + " | | | |"));
  }

  /** One row of the first table; adds to {@code logs} (GFLOP/s and both ratios), {@code faults} and {@code errors} of each library. */
  private void measure(String shape, double[][] logs, String[] faults, double[] errors) {
    Reference reference = new Reference(shape);
    Product[] products = new Product[peers.size()];
    int[] rounds = new int[peers.size()];
    int calls = (int) Math.max(1, burst / reference.flops());
    for (int p = 0; p < products.length; p++) {
      try {
        products[p] = peers.get(p).product(reference.m, reference.n, reference.k, reference.x, reference.w);
        products[p].run();
        double error = reference.error(products[p].result());
        errors[p] = Math.max(errors[p], error);
        if (error > Reference.TOLERANCE && faults[p] == null) {
          faults[p] = "wrong at %s: error %.1e".formatted(shape, error);
        }
        double first = nanos(products[p], calls);
        // The first burst may be slow because it is compiled; where it takes long, it is slow for another reason.
        rounds[p] = (int) Math.clamp(seconds * 1e9 / (first > 1e9 ? first : nanos(products[p], calls)), 3, reps);
      } catch (Exception | LinkageError e) {
        faults[p] = "failed at " + shape + ": " + reason(e);
      }
    }
    double[][] rates = new double[reps][products.length];
    for (int r = -WARM_UP; r < reps; r++) {
      for (int p = 0; p < products.length; p++) {
        boolean runs = faults[p] == null && (r < 0 ? rounds[p] == reps : r * rounds[p] / reps != (r + 1) * rounds[p] / reps);
        double rate = Double.NaN;
        if (runs) {
          settle(products[p]);
          rate = calls * reference.flops() / nanos(products[p], calls);
        }
        if (r >= 0) {
          rates[r][p] = rate;
        }
      }
    }
    StringBuilder row = new StringBuilder("| " + shape + " |");
    for (int p = 0; p < products.length; p++) {
      int column = p;
      double rate = median(Arrays.stream(rates).mapToDouble(r -> r[column]).toArray());
      logs[p][0] += Math.log(rate);
      for (int ours = 0; ours < 2; ours++) {
        int base = ours;
        logs[p][1 + ours] += Math.log(median(Arrays.stream(rates).mapToDouble(r -> r[base] / r[column]).toArray()));
      }
      row.append(faults[p] == null ? " %.1f |".formatted(rate) : " - |");
      if (products[p] != null) {
        products[p].close();
      }
    }
    System.out.println(row);
  }

  private void settle(Product product) {
    if (settle > 0) {
      try {
        Thread.sleep(settle);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      long start = System.nanoTime();
      do {
        product.run();
      } while (System.nanoTime() - start < 20_000_000);
    }
  }

  private double nanos(Product product, int calls) {
    long start = clock();
    for (int i = 0; i < calls; i++) {
      product.run();
    }
    return clock() - start;
  }

  private long clock() {
    return threads == 1 ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
  }

  /** The median of what was measured; NaN stands for a round that was left out. */
  private static double median(double[] values) {
    double[] sorted = Arrays.stream(values).filter(value -> !Double.isNaN(value)).sorted().toArray();
    return sorted.length == 0 ? Double.NaN : sorted[sorted.length / 2];
  }
}
