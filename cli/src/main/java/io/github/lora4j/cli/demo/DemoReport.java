package io.github.lora4j.cli.demo;

import io.github.lora4j.vector.ConfigException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** Compares rankers on the held-out library: each scored query must find its own signature among all of them. */
final class DemoReport {

  private final List<String> queries;
  private final List<String> signatures;
  private final int[] answers;
  private final Map<String, RetrievalMetrics> rows = new LinkedHashMap<>();

  public DemoReport(DemoData data) {
    this.queries = data.test().stream().map(Pair::query).toList();
    this.signatures = data.signatures();
    Map<String, Integer> places = new HashMap<>();
    IntStream.range(0, signatures.size()).forEach(i -> places.put(signatures.get(i), i));
    this.answers = data.test().stream().mapToInt(pair -> places.get(pair.signature())).toArray();
  }

  /** Scores a ranker of {@link DemoData#signatures}. */
  public RetrievalMetrics add(String name, Ranker ranker) {
    if (!ranker.texts().equals(signatures)) {
      throw new ConfigException(name + " ranks " + ranker.texts().size() + " other texts than the " + signatures.size()
          + " held-out signatures");
    }
    RetrievalMetrics metrics = RetrievalMetrics.of(ranker, queries, answers);
    rows.put(name, metrics);
    return metrics;
  }

  /** What was scored so far, in order. */
  public Map<String, RetrievalMetrics> rows() {
    return Map.copyOf(rows);
  }

  /** The table, one line per ranker in the order they were added. */
  public String table() {
    int width = rows.keySet().stream().mapToInt(String::length).max().orElse(0);
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, "%-" + Math.max(1, width) + "s  recall@1  recall@10    MRR%n", ""));
    rows.forEach((name, m) -> text.append(String.format(Locale.ROOT, "%-" + width + "s  %6.1f %%  %7.1f %%  %.3f%n",
        name, 100 * m.recallAt1(), 100 * m.recallAt10(), m.mrr())));
    return text.toString();
  }
}
