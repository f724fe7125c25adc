package io.github.lora4j.train.scores;

import java.util.List;
import java.util.Map;

/**
 * F1 of the words that answer and reference have in common, after SQuAD's normalisation, as its evaluation script counts them; with several
 * references the best one counts. 0 to 1, the mean over the answers. Where both have no words it is 1, as in version 2.0 of the script.
 */
public record TokenF1() implements TextScore {

  @Override
  public String name() {
    return "f1";
  }

  @Override
  public String definition(List<List<String>> references) {
    return "token F1 as of SQuAD's evaluation script, best reference of each answer, mean";
  }

  @Override
  public Map<String, Double> of(List<String> answers, List<List<String>> references) {
    TextScore.require(answers, references);
    double sum = 0;
    for (int i = 0; i < answers.size(); i++) {
      List<String> answer = Words.squad(answers.get(i));
      sum += references.get(i).stream().mapToDouble(reference -> one(answer, Words.squad(reference))).max().orElseThrow();
    }
    return Map.of(name(), sum / answers.size());
  }

  private static double one(List<String> answer, List<String> reference) {
    if (answer.isEmpty() || reference.isEmpty()) {
      return answer.equals(reference) ? 1 : 0;
    }
    Map<List<String>, Integer> there = Words.ngrams(answer, 1);
    int common = Words.ngrams(reference, 1).entrySet().stream().mapToInt(e -> Math.min(e.getValue(), there.getOrDefault(e.getKey(), 0))).sum();
    return Rouge.f(common, reference.size(), answer.size());
  }
}
