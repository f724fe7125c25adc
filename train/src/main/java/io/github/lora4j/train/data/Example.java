package io.github.lora4j.train.data;

import java.util.List;

/**
 * A row as a model sees it.
 *
 * @param sequences one, or as many as the task encodes for each example
 */
public record Example(List<Sequence> sequences, Target target) {

  /** Copies the list. */
  public Example {
    sequences = List.copyOf(sequences);
  }

  /** An example of one sequence. */
  public static Example of(Sequence sequence, Target target) {
    return new Example(List.of(sequence), target);
  }

  /** Tokens of all its sequences. */
  public int tokens() {
    int sum = 0;
    for (Sequence sequence : sequences) {
      sum += sequence.length();
    }
    return sum;
  }
}
