package io.github.lora4j.cli.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Two runs of the benchmark side by side: the ratio of medians of whatever both measured, with a 95 % bootstrap interval over their
 * repetitions (Efron 1979). Repetitions of one run share what the machine was doing then, so an interval says what noise within runs
 * explains, not between them.
 */
record BenchComparison(List<Line> lines, List<String> onlyInOne) {

  private static final int DRAWS = 4000;

  /** A measured thing: how many times as long the second run took, and the interval of that. */
  record Line(String key, double before, double after, double ratio, double low, double high) {
    String verdict() {
      return low > 1 ? "slower" : high < 1 ? "faster" : "within noise";
    }
  }

  static BenchComparison of(BenchResult before, BenchResult after) {
    Map<String, Measurement> known = before.measurements().stream().collect(Collectors.toMap(Measurement::key, Function.identity(), (a,
        b) -> a));
    List<Line> lines = new ArrayList<>();
    List<String> lonely = new ArrayList<>();
    for (Measurement now : after.measurements()) {
      Optional.ofNullable(known.remove(now.key())).ifPresentOrElse(then -> lines.add(line(then, now)), () -> lonely.add(now.key()
          + " (second only)"));
    }
    known.keySet().forEach(key -> lonely.add(key + " (first only)"));
    return new BenchComparison(lines, lonely);
  }

  private static Line line(Measurement before, Measurement after) {
    Random random = new Random(1);
    double[] ratios = new double[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
      ratios[i] = drawn(after.seconds(), random) / drawn(before.seconds(), random);
    }
    Arrays.sort(ratios);
    return new Line(after.key(), before.median(), after.median(), after.median() / before.median(), ratios[DRAWS / 40],
        ratios[DRAWS - 1 - DRAWS / 40]);
  }

  /** The median of as many repetitions, drawn with replacement. */
  private static double drawn(double[] seconds, Random random) {
    double[] drawn = new double[seconds.length];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = seconds[random.nextInt(seconds.length)];
    }
    Arrays.sort(drawn);
    return (drawn[(drawn.length - 1) / 2] + drawn[drawn.length / 2]) / 2;
  }

  /** As text, the slowest change first. */
  String text() {
    StringBuilder out = new StringBuilder("%-58s %11s %11s %7s  %s%n".formatted("", "first", "second", "ratio", "95 % interval"));
    lines.stream().sorted((a, b) -> Double.compare(b.ratio, a.ratio)).forEach(line ->
        out.append("%-58s %11s %11s %7.3f  %.3f to %.3f, %s%n".formatted(
        line.key, seconds(line.before), seconds(line.after), line.ratio, line.low, line.high, line.verdict())));
    onlyInOne.forEach(key -> out.append("not compared: ").append(key).append(System.lineSeparator()));
    return out.toString();
  }

  static String seconds(double s) {
    return s >= 1 ? "%.3f s".formatted(s) : s >= 1e-3 ? "%.2f ms".formatted(s * 1e3) : "%.1f us".formatted(s * 1e6);
  }
}
