package io.github.lora4j.train.scores;

import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Compares answers with references. */
public interface TextScore {

  /** The name by which it is asked for. */
  String name();

  /** By what definition, in a line that can be quoted beside its numbers. */
  String definition(List<List<String>> references);

  /**
   * Measures all answers together.
   *
   * @param answers at least one
   * @param references of each answer, one or more
   * @return numbers by their names
   * @throws ConfigException when there is no answer, or one has no reference
   */
  Map<String, Double> of(List<String> answers, List<List<String>> references);

  /** Every score there is, by name. */
  static Map<String, TextScore> all() {
    Map<String, TextScore> all = new LinkedHashMap<>();
    for (TextScore score : List.of(new ExactMatch(false), new ExactMatch(true), new TokenF1(), new Bleu(Bleu.Kind.SACREBLEU),
        new Bleu(Bleu.Kind.NLTK), new Bleu(Bleu.Kind.E2E), new Rouge())) {
      all.put(score.name(), score);
    }
    return all;
  }

  /**
   * A score.
   *
   * @throws ConfigException naming those there are, if there is none of that name
   */
  static TextScore named(String name) {
    TextScore score = all().get(name);
    if (score == null) {
      throw new ConfigException("there is no metric \"%s\"; there are %s".formatted(name, String.join(", ", all().keySet())));
    }
    return score;
  }

  /**
   * Checks that each answer can be compared.
   *
   * @throws ConfigException when there is no answer, or one has no reference
   */
  static void require(List<String> answers, List<List<String>> references) {
    if (answers.isEmpty() || answers.size() != references.size()) {
      throw new ConfigException("%d answers and references for %d: each answer needs its own, and there must be one at least"
          .formatted(answers.size(), references.size()));
    }
    for (int i = 0; i < references.size(); i++) {
      if (references.get(i).isEmpty()) {
        throw new ConfigException("answer %d has no reference to be compared with".formatted(i + 1));
      }
    }
  }
}
