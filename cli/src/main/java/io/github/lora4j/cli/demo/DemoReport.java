package io.github.lora4j.cli.demo;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** Compares rankers on the held-out pairs: every query must find its own signature among those of all pairs. */
public final class DemoReport {

  private final List<String> queries;
  private final List<String> signatures;
  private final Map<String, RetrievalMetrics> rows = new LinkedHashMap<>();

  public DemoReport(List<Pair> pairs) {
    this.queries = pairs.stream().map(Pair::query).toList();
    this.signatures = pairs.stream().map(Pair::signature).toList();
  }

  /** Scores word search. */
  public RetrievalMetrics addBm25() {
    return add("BM25", new Bm25(signatures));
  }

  /** Scores search by an encoder's vectors. */
  public RetrievalMetrics add(String name, Encoder encoder) {
    return add(name, Ranker.of(encoder, signatures));
  }

  private RetrievalMetrics add(String name, Ranker ranker) {
    int[] answers = IntStream.range(0, queries.size()).toArray();
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
