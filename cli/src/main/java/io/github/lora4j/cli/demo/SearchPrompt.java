package io.github.lora4j.cli.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;

/** Answers queries with the best matching methods of a library. */
final class SearchPrompt {

  static final int SHOWN = 5;
  private static final List<String> SAMPLES = List.of("split a text at commas and drop empty parts",
      "read all lines of a file", "the biggest of several numbers");

  private final Ranker ranker;
  private final List<Pair> pairs;
  private final PrintStream out;

  /** Searches {@code ranker.texts()}, which are the signatures of {@code pairs}. */
  public SearchPrompt(Ranker ranker, List<Pair> pairs, PrintStream out) {
    this.ranker = ranker;
    this.pairs = List.copyOf(pairs);
    this.out = out;
  }

  /**
   * Answers the queries given; without any, those typed at a console until an empty line or the end of input; without a
   * console, three samples.
   */
  public void run(List<String> queries, boolean console, BufferedReader in) {
    if (queries.isEmpty() && console) {
      type(in);
    } else {
      (queries.isEmpty() ? SAMPLES : queries).forEach(query -> {
        out.println("> " + query);
        answer(query);
      });
    }
  }

  private void type(BufferedReader in) {
    out.println("Type what a method should do (an empty line ends):");
    try {
      while (true) {
        out.print("> ");
        out.flush();
        String query = in.readLine();
        if (query == null || query.isBlank()) {
          return;
        }
        answer(query.strip());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the console", e);
    }
  }

  private void answer(String query) {
    float[] scores = ranker.scores(List.of(query))[0];
    for (int at : ranker.best(query, SHOWN)) {
      out.printf(Locale.ROOT, "  %6.3f  %s%n          %s%n", scores[at], pairs.get(at).signature(), pairs.get(at).location());
    }
    out.flush();
  }
}
