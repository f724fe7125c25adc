package io.github.lora4j.bench;

import io.github.lora4j.vector.KernelProvider;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.util.Statistics;

/**
 * Runs the JMH benchmarks of the kernels between two measurements of what the machine can do, and says of each its share of that: products
 * and attention of the micro-kernel's rate, products of one row of the reading of memory, and what works on rows and elements of a copy
 * in cache, by the bytes it has to move. A share is against the mean of both measurements, which are printed: where they differ, the
 * machine changed meanwhile.
 *
 * <p>System properties: {@code include} (regular expression, all), {@code forks} (5), {@code iterations} (5) of {@code milliseconds} (1000)
 * each. A score is the median over all iterations of all forks, in ns; of rows and elements, per element.
 */
public final class KernelTable {

  private static final String FAMILIES = "(Gemm|Gemv|Attention|Rows|Elementwise)Bench";
  /** Bytes that must be read and written per element, operands that are the same for all rows left out. */
  private static final Map<String, Integer> BYTES = Map.ofEntries(Map.entry("activation", 8), Map.entry("activationGrad", 12),
      Map.entry("layerNorm", 8), Map.entry("layerNormGrad", 12), Map.entry("dropout", 8), Map.entry("rmsNorm", 8),
      Map.entry("rmsNormGrad", 12), Map.entry("gather", 12), Map.entry("rope", 8), Map.entry("l2Normalize", 8),
      Map.entry("crossEntropy", 4), Map.entry("crossEntropyGrad", 8), Map.entry("adamw", 28), Map.entry("sumSquares", 4), Map.entry("exp", 8),
      Map.entry("softmax", 8));

  private KernelTable() {}

  /** Nanoseconds of the micro-kernel, of a copy, of reading a GiB. */
  private record Peak(double tile, double copy, double read) {

    private static Peak measure() throws RunnerException {
      Map<String, Double> scores = run("PeakBench").stream().collect(Collectors.toMap(KernelTable::method,
          r -> statistics(r).getPercentile(50)));
      return new Peak(score(scores, "tile"), score(scores, "copy"), score(scores, "read"));
    }

    private static double score(Map<String, Double> scores, String method) {
      return Objects.requireNonNull(scores.get(method), "a method of PeakBench");
    }

    private static Peak mean(Peak x, Peak y) {
      return new Peak((x.tile + y.tile) / 2, (x.copy + y.copy) / 2, (x.read + y.read) / 2);
    }

    private String text() {
      return "%.1f GFLOP/s in the micro-kernel, copy %.3f ns per element in cache, %.1f GB/s from memory".formatted(
          PeakBench.tileFlops() / tile, copy / PeakBench.COPIED, PeakBench.READ_BYTES / read);
    }

    /** The share of a result whose score is {@code ns}. */
    private double share(RunResult result, double ns) {
      String method = method(result);
      return switch (family(result)) {
        case "GemmBench" -> flops(result) / ns / (PeakBench.tileFlops() / tile) / Integer.parseInt(parameter(result, "threads"));
        case "AttentionBench" -> flops(result) / ns / (PeakBench.tileFlops() / tile);
        case "GemvBench" -> read / ns * GemvBench.BYTES / PeakBench.READ_BYTES;
        default -> BYTES.containsKey(method) ? BYTES.get(method) / ns / (8 * PeakBench.COPIED / copy) : Double.NaN;
      };
    }
  }

  public static void main(String[] args) throws RunnerException {
    Peak before = Peak.measure();
    Collection<RunResult> results = run(FAMILIES + ".*" + System.getProperty("include", ""));
    Peak after = Peak.measure();
    Peak peak = Peak.mean(before, after);
    List<String> lines = new ArrayList<>();
    lines.add("%s, one thread unless said otherwise".formatted(KernelProvider.select("vector").describe()));
    lines.add("before: " + before.text());
    lines.add("after:  " + after.text());
    lines.add("%-34s %-44s %12s %22s %7s".formatted("benchmark", "parameters", "ns", "quartiles", "share"));
    for (RunResult result : results) {
      double unit = result.getPrimaryResult().getScoreUnit().startsWith("us") ? 1e3 : 1;
      Statistics all = statistics(result);
      double ns = unit * all.getPercentile(50);
      lines.add("%-34s %-44s %12.4g %10.4g to %8.4g %7.2f".formatted(family(result) + "." + method(result), parameters(result), ns,
          unit * all.getPercentile(25), unit * all.getPercentile(75), peak.share(result, ns)));
    }
    lines.forEach(System.out::println);
  }

  private static Collection<RunResult> run(String include) throws RunnerException {
    int iterations = Integer.getInteger("iterations", 5);
    TimeValue time = TimeValue.milliseconds(Integer.getInteger("milliseconds", 1000));
    ChainedOptionsBuilder options = new OptionsBuilder().include(include).forks(Integer.getInteger("forks", 5)).warmupIterations(iterations)
        .warmupTime(time).measurementIterations(iterations).measurementTime(time);
    return new Runner(options.build()).run();
  }

  private static Statistics statistics(RunResult result) {
    return result.getPrimaryResult().getStatistics();
  }

  private static String family(RunResult result) {
    String[] names = result.getParams().getBenchmark().split("\\.");
    return names[names.length - 2];
  }

  private static String method(RunResult result) {
    String name = result.getParams().getBenchmark();
    return name.substring(name.lastIndexOf('.') + 1);
  }

  private static String parameter(RunResult result, String name) {
    return result.getParams().getParam(name);
  }

  private static String parameters(RunResult result) {
    return result.getParams().getParamsKeys().stream().map(key -> key + "=" + parameter(result, key)).collect(Collectors.joining(" "));
  }

  private static double flops(RunResult result) {
    if (family(result).equals("AttentionBench")) {
      double length = Integer.parseInt(parameter(result, "length"));
      return (method(result).equals("forward") ? 4 : 10) * AttentionBench.WIDTH * length * length;
    }
    double flops = 2;
    for (String size : parameter(result, "shape").split("x")) {
      flops *= Integer.parseInt(size);
    }
    return flops;
  }
}
