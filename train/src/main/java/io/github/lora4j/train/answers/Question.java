package io.github.lora4j.train.answers;

import java.util.List;

/**
 * What a row asks of a model that answers with text.
 *
 * @param where file and line, for messages
 * @param prompt tokens, as training has them before the answer; empty: the beginning of a text
 * @param text the prompt for people
 * @param reference what the answer should be; empty where that is not known
 */
public record Question(String where, List<Integer> prompt, String text, String reference) {

  /** Copies the list. */
  public Question {
    prompt = List.copyOf(prompt);
  }
}
