package io.github.lora4j.train.scores;

import java.util.List;
import java.util.Map;

/**
 * The share of answers that are one of their references: character for character with blanks around them left off, or after the normalisation of
 * SQuAD's evaluation script (Rajpurkar et al. 2016): lower case, without ASCII punctuation, the articles a, an and the, and superfluous blanks. 0 to
 * 1.
 *
 * @param squad whether texts are normalised so
 */
public record ExactMatch(boolean squad) implements TextScore {

  @Override
  public String name() {
    return squad ? "exact_match_squad" : "exact_match";
  }

  @Override
  public String definition(List<List<String>> references) {
    return squad ? "exact match after SQuAD's normalisation (lower case, no punctuation, no articles), best reference"
        : "exact match, blanks around texts left off, best reference";
  }

  @Override
  public Map<String, Double> of(List<String> answers, List<List<String>> references) {
    TextScore.require(answers, references);
    int right = 0;
    for (int i = 0; i < answers.size(); i++) {
      Object answer = form(answers.get(i));
      right += references.get(i).stream().anyMatch(reference -> form(reference).equals(answer)) ? 1 : 0;
    }
    return Map.of(name(), (double) right / answers.size());
  }

  private Object form(String text) {
    return squad ? Words.squad(text) : text.strip();
  }
}
