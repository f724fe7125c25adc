package io.github.lora4j.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Scores every entry of a fixed list of texts against queries; a higher score is a better match. */
interface Ranker {

  /** The texts that are ranked. */
  List<String> texts();

  /** Scores [queries.size()][texts().size()]. */
  float[][] scores(List<String> queries);

  /** The positions in {@link #texts} of the best matches, best first; of equal scores the earlier text comes first. */
  default List<Integer> best(String query, int count) {
    float[] scores = scores(List.of(query))[0];
    return IntStream.range(0, scores.length).boxed()
        .sorted((a, b) -> scores[a] != scores[b] ? Float.compare(scores[b], scores[a]) : Integer.compare(a, b))
        .limit(count).toList();
  }

  /** Exact search by dot product over embedded texts. */
  static Ranker of(Encoder encoder, List<String> texts) {
    float[][] rows = encode(encoder, texts);
    return new Ranker() {
      @Override
      public List<String> texts() {
        return texts;
      }

      @Override
      public float[][] scores(List<String> queries) {
        float[][] q = encode(encoder, queries);
        float[][] scores = new float[q.length][rows.length];
        // A block of texts stays in cache while all queries pass over it.
        int block = 256;
        for (int from = 0; from < rows.length; from += block) {
          int to = Math.min(rows.length, from + block);
          for (int i = 0; i < q.length; i++) {
            for (int j = from; j < to; j++) {
              scores[i][j] = dot(q[i], rows[j]);
            }
          }
        }
        return scores;
      }
    };
  }

  private static float dot(float[] a, float[] b) {
    // Four chains: one would wait for each addition.
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    int k = 0;
    for (; k + 4 <= a.length; k += 4) {
      s0 += a[k] * b[k];
      s1 += a[k + 1] * b[k + 1];
      s2 += a[k + 2] * b[k + 2];
      s3 += a[k + 3] * b[k + 3];
    }
    for (; k < a.length; k++) {
      s0 += a[k] * b[k];
    }
    return (s0 + s1) + (s2 + s3);
  }

  private static float[][] encode(Encoder encoder, List<String> texts) {
    float[][] rows = encoder.embed(new ArrayList<>(texts));
    if (rows.length != texts.size()) {
      throw new IllegalStateException("encoder gave " + rows.length + " vectors for " + texts.size() + " texts");
    }
    return rows;
  }
}
