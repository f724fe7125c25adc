package io.github.lora4j.cli.demo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Okapi BM25, the yardstick of word search. For a query Q and a text D of |D| words among N texts
 *
 * <pre>
 * score(D, Q) = sum over distinct w in Q of  idf(w) * f(w, D) * (k1 + 1) / (f(w, D) + k1 * (1 - b + b * |D| / avg|D|))
 * idf(w)      = ln(1 + (N - n(w) + 0.5) / (n(w) + 0.5))
 * </pre>
 *
 * with f the count of w in D, n the number of texts that hold w, k1 = {@value #K1}, b = {@value #B}.
 * Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section 3; idf with Lucene's
 * 1 + inside the logarithm, so that it is never negative.
 */
final class Bm25 implements Ranker {

  static final double K1 = 1.2;
  static final double B = 0.75;

  private static final Pattern WORD = Pattern.compile("\\p{Lu}+(?!\\p{Ll})|\\p{Lu}?\\p{Ll}+|\\p{N}+|\\p{Lo}+|\\p{Lu}");

  private record Posting(int text, double weight) {}

  private final List<String> texts;
  private final Map<String, List<Posting>> index = new HashMap<>();

  public Bm25(List<String> texts) {
    this.texts = List.copyOf(texts);
    List<List<String>> words = texts.stream().map(Bm25::words).toList();
    double average = Math.max(1, words.stream().mapToInt(List::size).average().orElse(1));
    for (int i = 0; i < words.size(); i++) {
      Map<String, Integer> counts = new HashMap<>();
      words.get(i).forEach(word -> counts.merge(word, 1, Integer::sum));
      double norm = K1 * (1 - B + B * words.get(i).size() / average);
      for (Map.Entry<String, Integer> count : counts.entrySet()) {
        double f = count.getValue();
        index.computeIfAbsent(count.getKey(), w -> new ArrayList<>()).add(new Posting(i, f * (K1 + 1) / (f + norm)));
      }
    }
  }

  @Override
  public List<String> texts() {
    return texts;
  }

  @Override
  public float[][] scores(List<String> queries) {
    float[][] scores = new float[queries.size()][];
    for (int q = 0; q < scores.length; q++) {
      double[] sums = new double[texts.size()];
      for (String word : new LinkedHashSet<>(words(queries.get(q)))) {
        List<Posting> postings = index.getOrDefault(word, List.of());
        double idf = Math.log(1 + (texts.size() - postings.size() + 0.5) / (postings.size() + 0.5));
        postings.forEach(posting -> sums[posting.text] += idf * posting.weight);
      }
      scores[q] = new float[sums.length];
      for (int i = 0; i < sums.length; i++) {
        scores[q][i] = (float) sums[i];
      }
    }
    return scores;
  }

  /**
   * The words of a text in lower case: split at everything that is neither letter nor digit, between letters and digits,
   * and inside camelCase, where a run of capitals is one word ({@code toURLString2} is to, url, string, 2).
   */
  static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(text);
    while (matcher.find()) {
      words.add(matcher.group().toLowerCase(Locale.ROOT));
    }
    return words;
  }
}
