package io.github.lora4j.cli.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RankingTest {

  @Test
  void wordsAreSplitAsPeopleReadThem() {
    assertEquals(List.of("to", "url", "string", "2", "x"), Bm25.words("toURLString2_x"));
    assertEquals(List.of("i", "o", "utils", "a", "b", "string", "größe"), Bm25.words("I/O Utils.a(B... String) größe"));
    assertEquals(List.of(), Bm25.words(" ,;() "));
  }

  /** Values worked out by hand from the formula: N = 3, lengths 2, 1, 3, average 2. */
  @Test
  void bm25IsItsFormula() {
    Bm25 bm25 = new Bm25(List.of("apple pear", "plum", "apple apple fig"));
    double idfApple = Math.log(1 + 1.5 / 2.5);
    double idfFig = Math.log(1 + 2.5 / 1.5);
    float[] scores = bm25.scores(List.of("Apple fig apple kiwi"))[0];
    assertEquals(idfApple * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2.0)), scores[0], 1e-6);
    assertEquals(0, scores[1]);
    assertEquals(idfApple * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2.0))
        + idfFig * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 2.0)), scores[2], 1e-6);
    assertEquals(List.of(2, 0, 1), bm25.best("fig apple", 10));
  }

  @Test
  void tiesAndNaNCountAgainstTheAnswer() {
    assertEquals(3, RetrievalMetrics.rank(new float[] {1, 1, 0, 1}, 1));
    assertEquals(1, RetrievalMetrics.rank(new float[] {1, 2, Float.NaN}, 1));
    assertEquals(3, RetrievalMetrics.rank(new float[] {1, 2, Float.NaN}, 2));
    assertEquals(1, RetrievalMetrics.rank(new float[] {-1}, 0));
  }

  @Test
  void metricsAreTheirDefinition() {
    assertEquals(new RetrievalMetrics(0.25, 0.75, (1 + 0.5 + 0.1 + 1.0 / 11) / 4),
        RetrievalMetrics.ofRanks(new int[] {1, 2, 10, 11}));
  }

  @Test
  void encoderSearchIsTheDotProduct() {
    int texts = 300;
    Random random = new Random(3);
    float[][] vectors = new float[texts][17];
    for (float[] vector : vectors) {
      for (int k = 0; k < vector.length; k++) {
        vector[k] = (float) random.nextGaussian();
      }
    }
    List<String> names = IntStream.range(0, texts).mapToObj(Integer::toString).toList();
    Encoder encoder = list -> list.stream().map(text -> vectors[Integer.parseInt(text)]).toArray(float[][]::new);
    float[][] scores = Ranker.of(encoder, names).scores(List.of("7", "299"));
    for (int j = 0; j < texts; j++) {
      double expected = 0;
      for (int k = 0; k < 17; k++) {
        expected += (double) vectors[299][k] * vectors[j][k];
      }
      assertEquals(expected, scores[1][j], 17 * 1e-6);
    }
    assertArrayEquals(scores[1], Ranker.of(encoder, names).scores(List.of("299"))[0]);
  }

  @Test
  void reportShowsEveryRanker() {
    Pair open = new Pair("opens a file", "A.open(File file) : void", "A.java:1");
    Pair count = new Pair("counts all words", "B.words() : int", "B.java:1");
    Pair other = new Pair("opens and closes", "B.close() : void", "B.java:9");
    DemoData data = new DemoData(List.of(), List.of(count, open), List.of(open, other, count));
    DemoReport report = new DemoReport(data);
    report.add("BM25", new Bm25(data.signatures()));
    report.add("all the same",
        Ranker.of(texts -> texts.stream().map(text -> new float[] {1}).toArray(float[][]::new), data.signatures()));
    assertThrows(ConfigException.class, () -> report.add("other", new Bm25(List.of("x"))));
    assertEquals("""
                      recall@1  recall@10    MRR
        BM25           100.0 %    100.0 %  1.000
        all the same     0.0 %    100.0 %  0.333
        """, report.table().replace("\r\n", "\n"));
  }
}
