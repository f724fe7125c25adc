package io.github.lora4j.bench;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Runs of decoders as Markdown: a row a method, compared seed by seed with the first. */
final class DecoderTable {

  /**
   * All seeds of a method.
   *
   * @param rate the learning rate that was found
   */
  record Entry(DecoderMethod method, double rate, List<DecoderRun> runs) {

    Student of(String metric) {
      return Student.of(runs.stream().mapToDouble(run -> run.metrics().getOrDefault(metric, Double.NaN)).toArray());
    }

    boolean atEdge() {
      return rate == method.rates().getFirst() || rate == method.rates().getLast();
    }
  }

  private DecoderTable() {}

  /** The table of a task; the first entry is the baseline. */
  static String of(DecoderTask task, DecoderRun base, List<Entry> entries) {
    Entry baseline = entries.getFirst();
    List<String> metrics = baseline.runs().getFirst().metrics().keySet().stream().filter(metric -> !metric.equals(task.metric())).toList();
    StringBuilder out = new StringBuilder(text("## %s%n%n```yaml%n%s```%n%n| | trains | lr | %s | minus %s | verdict | %s | s |%n|---|--:|--:|--:|--:|---|%s--:|%n",
        task.title(), task.recipe(), task.metric(), baseline.method.name(), String.join(" | ", metrics), "--:|".repeat(metrics.size())));
    out.append(text("| before | | | %s | | | %s | |%n", shown(task.metric(), Student.of(base.metrics().getOrDefault(task.metric(), Double.NaN))),
        String.join(" | ", metrics.stream().map(metric -> shown(metric, Student.of(base.metrics().getOrDefault(metric, Double.NaN)))).toList())));
    for (Entry entry : entries) {
      ToDoubleFunction<DecoderRun> measure = run -> run.of(task.metric()) * (task.lessIsBetter() ? -1 : 1);
      Student difference = Student.of(IntStream.range(0, entry.runs.size()).mapToDouble(i -> measure.applyAsDouble(entry.runs.get(i))
          - measure.applyAsDouble(baseline.runs.get(i))).toArray());
      boolean self = entry.equals(baseline);
      Student signed = new Student(difference.n(), difference.mean() * (task.lessIsBetter() ? -1 : 1), difference.half());
      out.append(text("| %s | %,d | %s%s | %s | %s | %s | %s | %.0f |%n", entry.method.name(), entry.runs.getFirst().parameters(), rate(entry.rate),
          entry.atEdge() && task != DecoderTask.DPO ? "*" : "", shown(task.metric(), entry.of(task.metric())), self ? "" : shown(task.metric(), signed),
          self ? "" : difference.verdict(), String.join(" | ", metrics.stream().map(metric -> shown(metric, entry.of(metric))).toList()),
          Student.of(entry.runs.stream().mapToDouble(DecoderRun::seconds).toArray()).mean()));
    }
    return out.append('\n').toString();
  }

  /** Shares in per cent, all else as it is. */
  private static String shown(String metric, Student s) {
    if (Double.isNaN(s.mean())) {
      return "";
    }
    double scale = metric.endsWith("accuracy") || metric.startsWith("rouge") || metric.equals("bleu_e2e") ? 100 : 1;
    String digits = metric.equals("loss") || metric.startsWith("reward_") && scale == 1 ? "%.3f" : "%,.1f";
    return text(digits, scale * s.mean()) + (Double.isNaN(s.half()) ? "" : text(" ± " + digits, scale * s.half()));
  }

  private static String rate(double value) {
    return text("%.3g", value).replaceAll("e-0", "e-");
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
