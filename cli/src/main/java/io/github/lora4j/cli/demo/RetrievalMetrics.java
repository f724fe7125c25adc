package io.github.lora4j.cli.demo;

import java.util.Arrays;
import java.util.List;

/**
 * How well a ranking finds the one right answer of each query.
 *
 * <p>The rank of an answer is 1 plus the number of other texts that score at least as high: ties count against it, so a
 * ranker that gives everything the same score earns nothing. A score that is not a number ranks last.
 *
 * @param recallAt1 share of queries whose answer has rank 1
 * @param recallAt10 share of queries whose answer has rank 10 or better
 * @param mrr mean of 1 / rank
 */
record RetrievalMetrics(double recallAt1, double recallAt10, double mrr) {

  private static final int BLOCK = 128;

  /** Ranks the texts for every query; the right answer of query i is text {@code answers[i]}. */
  public static RetrievalMetrics of(Ranker ranker, List<String> queries, int[] answers) {
    int[] ranks = new int[queries.size()];
    for (int from = 0; from < ranks.length; from += BLOCK) {
      int to = Math.min(ranks.length, from + BLOCK);
      float[][] scores = ranker.scores(queries.subList(from, to));
      for (int i = from; i < to; i++) {
        ranks[i] = rank(scores[i - from], answers[i]);
      }
    }
    return ofRanks(ranks);
  }

  static int rank(float[] scores, int answer) {
    int rank = 1;
    for (int i = 0; i < scores.length; i++) {
      // Written so that a NaN answer loses against everything and a NaN rival never wins.
      if (i != answer && (scores[i] >= scores[answer] || Float.isNaN(scores[answer]))) {
        rank++;
      }
    }
    return rank;
  }

  static RetrievalMetrics ofRanks(int[] ranks) {
    return new RetrievalMetrics(share(ranks, 1), share(ranks, 10),
        Arrays.stream(ranks).mapToDouble(r -> 1.0 / r).average().orElse(0));
  }

  private static double share(int[] ranks, int limit) {
    return Arrays.stream(ranks).mapToDouble(rank -> rank <= limit ? 1 : 0).average().orElse(0);
  }
}
