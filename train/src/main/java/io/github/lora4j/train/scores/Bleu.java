package io.github.lora4j.train.scores;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * BLEU (Papineni et al. 2002) of a whole corpus, up to runs of four tokens, with any number of references for each answer. What is called BLEU
 * differs in tokens, smoothing and scale; these are three of them.
 *
 * @param kind which
 */
public record Bleu(Kind kind) implements TextScore {

  /** Whose BLEU. */
  public enum Kind {
    /** sacreBLEU 2 (Post 2018): tokens 13a, case kept, smoothing exp; 0 to 100. */
    SACREBLEU,
    /** nltk.translate.bleu_score.corpus_bleu: tokens between blanks, case kept, no smoothing (method0); 0 to 1. */
    NLTK,
    /**
     * pymteval.py of the E2E challenge (e2e-metrics): tokens as 13a, lower case, no match counts as 1e-15; 0 to 1, and above that for answers of
     * fewer than four tokens, which count below zero there.
     */
    E2E
  }

  private static final int ORDER = 4;
  private static final double LEAST_FLOAT = Double.MIN_NORMAL;

  /** Counts of a corpus. */
  private static final class Counts {
    private final long[] right = new long[ORDER];
    private final long[] all = new long[ORDER];
    private long length;
    private long referenceLength;
  }

  @Override
  public String name() {
    return kind == Kind.SACREBLEU ? "bleu" : "bleu_" + kind.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String definition(List<List<String>> references) {
    return switch (kind) {
      case SACREBLEU -> {
        List<Integer> sizes = references.stream().map(List::size).distinct().toList();
        yield "BLEU as of sacreBLEU 2: nrefs:%s|case:mixed|eff:no|tok:13a|smooth:exp".formatted(sizes.size() == 1 ? sizes.getFirst() : "var");
      }
      case NLTK -> "BLEU as of NLTK's corpus_bleu: tokens between blanks, case kept, no smoothing";
      case E2E -> "BLEU as of the E2E challenge's pymteval.py: tokens as mteval-v13a, lower case";
    };
  }

  @Override
  public Map<String, Double> of(List<String> answers, List<List<String>> references) {
    TextScore.require(answers, references);
    Counts counts = new Counts();
    for (int i = 0; i < answers.size(); i++) {
      count(counts, tokens(answers.get(i)), references.get(i).stream().map(this::tokens).toList());
    }
    return Map.of(name(), switch (kind) {
      case SACREBLEU -> sacre(counts);
      case NLTK -> nltk(counts);
      case E2E -> e2e(counts);
    });
  }

  private List<String> tokens(String text) {
    return switch (kind) {
      case SACREBLEU -> Words.mteval13a(text.stripTrailing());
      case NLTK -> Words.split(text);
      case E2E -> {
        List<String> words = Words.mteval13a(text).stream().map(word -> word.toLowerCase(Locale.ROOT)).toList();
        yield words.isEmpty() ? List.of("") : words; // Its split leaves one empty token of an empty text.
      }
    };
  }

  private void count(Counts counts, List<String> answer, List<List<String>> references) {
    for (int n = 1; n <= ORDER; n++) {
      Map<List<String>, Integer> most = new HashMap<>();
      for (List<String> reference : references) {
        Words.ngrams(reference, n).forEach((ngram, count) -> most.merge(ngram, count, Math::max));
      }
      int there = Math.max(0, answer.size() - n + 1);
      for (Map.Entry<List<String>, Integer> ngram : Words.ngrams(answer, n).entrySet()) {
        counts.right[n - 1] += Math.min(ngram.getValue(), most.getOrDefault(ngram.getKey(), 0));
      }
      counts.all[n - 1] += switch (kind) {
        case SACREBLEU -> there;
        case NLTK -> Math.max(1, there);
        case E2E -> answer.size() - n + 1; // below zero for short answers, as in the original
      };
    }
    counts.length += answer.size();
    counts.referenceLength += closest(answer.size(), references);
  }

  /** The length nearest to the answer's; of two as near the shorter one. */
  private static int closest(int length, List<List<String>> references) {
    List<Integer> lengths = references.stream().map(List::size).sorted().toList();
    int best = lengths.getFirst();
    for (int other : lengths) {
      best = Math.abs(other - length) < Math.abs(best - length) ? other : best;
    }
    return best;
  }

  private static double sacre(Counts counts) {
    double logs = 0;
    double smooth = 1;
    if (counts.right[0] == 0) {
      return 0;
    }
    for (int n = 0; n < ORDER; n++) {
      if (counts.all[n] == 0) {
        return 0;
      }
      smooth *= counts.right[n] == 0 ? 2 : 1;
      logs += Math.log(counts.right[n] == 0 ? 100 / (smooth * counts.all[n]) : 100.0 * counts.right[n] / counts.all[n]);
    }
    return brevity(counts) * Math.exp(logs / ORDER);
  }

  private static double brevity(Counts counts) {
    return counts.length >= counts.referenceLength ? 1 : counts.length == 0 ? 0 : Math.exp(1 - (double) counts.referenceLength / counts.length);
  }

  private static double nltk(Counts counts) {
    if (counts.right[0] == 0) {
      return 0;
    }
    double logs = 0;
    for (int n = 0; n < ORDER; n++) {
      logs += Math.log(counts.right[n] == 0 ? LEAST_FLOAT : (double) counts.right[n] / counts.all[n]) / ORDER;
    }
    return brevity(counts) * Math.exp(logs);
  }

  private static double e2e(Counts counts) {
    double logs = 0;
    for (int n = 0; n < ORDER; n++) {
      logs += Math.log(Math.max(counts.right[n], 1e-15) / Math.max(counts.all[n], 1e-9));
    }
    double length = counts.all[0] == 0 ? 1e-5 : counts.all[0];
    double brevity = counts.all[0] <= counts.referenceLength ? Math.exp(1 - counts.referenceLength / length) : 1;
    return brevity * Math.exp(logs / ORDER);
  }
}
