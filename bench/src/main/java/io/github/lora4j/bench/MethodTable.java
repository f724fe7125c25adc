package io.github.lora4j.bench;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** Runs as Markdown: a row a method, compared seed by seed with the baseline. */
final class MethodTable {

  /**
   * All seeds of a method.
   *
   * @param rate the learning rate that was found
   */
  record Entry(MethodSpec spec, double rate, List<Cell> cells) {

    boolean atEdge() {
      return rate == spec.rates().getFirst() || rate == spec.rates().getLast();
    }
  }

  private MethodTable() {}

  /** The table of a task; the first entry is the baseline. */
  static String of(String model, GlueTask task, MethodOptions options, List<Entry> entries) {
    Entry baseline = entries.getFirst();
    int n = baseline.cells.size();
    StringBuilder out = new StringBuilder(text("## %s, %s%n%n%s in %%, with Student's 95 %% interval over %d paired seeds; %s training rows, %s "
        + "epochs, "
        + "batches of 32. Learning rate: the best of four on held-out training rows (in a tie, the one with the lower training loss), the same "
        + "search for "
        + "every method; * marks one at either end of the four. A verdict other than inconclusive means that the 95 %% interval of the paired "
        + "differences "
        + "excludes zero; of %d comparisons, one in twenty does so by chance.%n%n",
        model, task.folder(), task.metric(), n, options.rows() == 0 ? "all" : text("%,d", options.rows()), number(options.epochs()),
        entries.size() - 1));
    out.append(text("| method | trains | lr | %s | minus %s | verdict | steps to its loss | s | rows/s |%n|---|--:|--:|--:|--:|---|--:|--:|--:|%n",
        task.metric(), baseline.spec.name()));
    for (Entry entry : entries) {
      double[] scores = entry.cells.stream().mapToDouble(Cell::score).toArray();
      double[] differences = IntStream.range(0, n).mapToDouble(i -> scores[i] - baseline.cells.get(i).score()).toArray();
      Student difference = Student.of(differences);
      boolean self = entry.equals(baseline);
      out.append(text("| %s | %,d | %s%s | %s | %s | %s | %s | %s | %s |%n", entry.spec.name(), entry.cells.getFirst().parameters(),
          number(entry.rate),
          entry.atEdge() ? "*" : "", percent(Student.of(scores)), self ? "" : percent(difference), self ? "" : difference.verdict(),
          steps(entry, baseline), mean(entry.cells.stream().mapToDouble(Cell::seconds).toArray()),
          mean(entry.cells.stream().mapToDouble(Cell::rowsPerSecond).toArray())));
    }
    return out.append('\n').toString();
  }

  /** Mean steps to the baseline's last loss under the same seed, and how many seeds got there, where not all did. */
  private static String steps(Entry entry, Entry baseline) {
    if (entry.cells.stream().anyMatch(cell -> cell.losses().length == 0)) {
      return "";
    }
    double[] steps = IntStream.range(0, entry.cells.size()).mapToDouble(i -> entry.cells.get(i).stepsTo(baseline.cells.get(i).finalLoss()))
        .filter(s -> !Double.isNaN(s)).toArray();
    String of = steps.length == entry.cells.size() ? "" : text(" (%d of %d)", steps.length, entry.cells.size());
    return (steps.length == 0 ? "never" : mean(steps)) + (steps.length == 0 ? "" : of);
  }

  private static String percent(Student s) {
    return Double.isNaN(s.mean()) ? "failed" : text("%.1f", 100 * s.mean()) + (Double.isNaN(s.half()) ? "" : text(" ± %.1f",
        100 * s.half()));
  }

  private static String mean(double[] values) {
    double mean = Student.of(values).mean();
    return Double.isNaN(mean) ? "" : text(mean < 10 ? "%.1f" : "%,.0f", mean);
  }

  private static String number(double value) {
    return value == Math.rint(value) ? text("%.0f", value) : text("%.3g", value).replaceAll("e-0", "e-");
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
