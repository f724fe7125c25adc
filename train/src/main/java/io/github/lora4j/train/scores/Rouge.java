package io.github.lora4j.train.scores;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * ROUGE (Lin 2004) as rouge_score of google-research has it: F-measure of {@code rouge1} and {@code rouge2} (runs of tokens in common), {@code
 * rougeL} (longest common subsequence) and {@code rougeLsum} (the same by lines, as for summaries); tokens are runs of a to z and 0 to 9 in lower
 * case, without the stemmer. With several references the best one counts, as in score_multi. 0 to 1, the mean over the answers.
 */
public record Rouge() implements TextScore {

  @Override
  public String name() {
    return "rouge";
  }

  @Override
  public String definition(List<List<String>> references) {
    return "ROUGE F-measures as of google-research's rouge_score: use_stemmer=False, best reference of each answer, mean";
  }

  @Override
  public Map<String, Double> of(List<String> answers, List<List<String>> references) {
    TextScore.require(answers, references);
    Map<String, Double> sums = new LinkedHashMap<>();
    for (int i = 0; i < answers.size(); i++) {
      one(answers.get(i), references.get(i)).forEach((name, value) -> sums.merge(name, value / answers.size(), Double::sum));
    }
    return sums;
  }

  /** Of one answer. */
  public static Map<String, Double> one(String answer, List<String> references) {
    Map<String, Double> best = new LinkedHashMap<>();
    List<String> tokens = Words.rouge(answer);
    for (String reference : references) {
      List<String> wanted = Words.rouge(reference);
      best.merge("rouge1", ngrams(wanted, tokens, 1), Math::max);
      best.merge("rouge2", ngrams(wanted, tokens, 2), Math::max);
      best.merge("rougeL", f(subsequence(wanted, tokens).cardinality(), wanted.size(), tokens.size()), Math::max);
      best.merge("rougeLsum", lines(lines(reference), lines(answer)), Math::max);
    }
    return best;
  }

  private static double ngrams(List<String> wanted, List<String> answer, int n) {
    Map<List<String>, Integer> there = Words.ngrams(answer, n);
    int common = Words.ngrams(wanted, n).entrySet().stream().mapToInt(e -> Math.min(e.getValue(), there.getOrDefault(e.getKey(), 0))).sum();
    return f(common, Math.max(1, wanted.size() - n + 1), Math.max(1, answer.size() - n + 1));
  }

  /** The harmonic mean of precision and recall. */
  static double f(double common, int wanted, int answered) {
    if (common == 0) {
      return 0;
    }
    double precision = common / answered;
    double recall = common / wanted;
    return 2 * precision * recall / (precision + recall);
  }

  private static List<List<String>> lines(String text) {
    return Arrays.stream(text.split("\n")).filter(line -> !line.isEmpty()).map(Words::rouge).toList();
  }

  private static double lines(List<List<String>> wanted, List<List<String>> answer) {
    Map<String, Integer> left = counts(wanted);
    Map<String, Integer> there = counts(answer);
    int hits = 0;
    for (List<String> line : wanted) {
      BitSet union = new BitSet();
      answer.forEach(other -> union.or(subsequence(line, other)));
      for (int i = union.nextSetBit(0); i >= 0; i = union.nextSetBit(i + 1)) {
        String token = line.get(i);
        // Each occurrence counts once, on both sides, as in version 1.5.5 of the original.
        if (left.getOrDefault(token, 0) > 0 && there.getOrDefault(token, 0) > 0) {
          hits++;
          left.merge(token, -1, Integer::sum);
          there.merge(token, -1, Integer::sum);
        }
      }
    }
    return f(hits, wanted.stream().mapToInt(List::size).sum(), answer.stream().mapToInt(List::size).sum());
  }

  private static Map<String, Integer> counts(List<List<String>> lines) {
    Map<String, Integer> counts = new HashMap<>();
    lines.forEach(line -> line.forEach(token -> counts.merge(token, 1, Integer::sum)));
    return counts;
  }

  /** Places in the first of a longest common subsequence; of several the one that rouge_score finds. */
  private static BitSet subsequence(List<String> a, List<String> b) {
    int[][] longest = new int[a.size() + 1][b.size() + 1];
    for (int i = 1; i <= a.size(); i++) {
      for (int j = 1; j <= b.size(); j++) {
        longest[i][j] = a.get(i - 1).equals(b.get(j - 1)) ? longest[i - 1][j - 1] + 1 : Math.max(longest[i - 1][j], longest[i][j - 1]);
      }
    }
    BitSet places = new BitSet();
    int i = a.size();
    int j = b.size();
    while (i > 0 && j > 0) {
      if (a.get(i - 1).equals(b.get(j - 1))) {
        places.set(i - 1);
        i--;
        j--;
      } else if (longest[i][j - 1] > longest[i - 1][j]) {
        j--;
      } else {
        i--;
      }
    }
    return places;
  }
}
