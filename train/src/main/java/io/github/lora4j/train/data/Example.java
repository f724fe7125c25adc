package io.github.lora4j.train.data;

import java.util.List;
import java.util.stream.Stream;

/**
 * A row as a model sees it.
 *
 * @param sequences one, or as many as the task encodes for each example
 * @param sources what each of them is made from, where a model makes a text from another; none otherwise
 */
public record Example(List<Sequence> sequences, Target target, List<Sequence> sources) {

  /** Copies the lists. */
  public Example {
    sequences = List.copyOf(sequences);
    sources = List.copyOf(sources);
  }

  /** An example whose texts are made from no others. */
  public Example(List<Sequence> sequences, Target target) {
    this(sequences, target, List.of());
  }

  /** An example of one sequence. */
  public static Example of(Sequence sequence, Target target) {
    return new Example(List.of(sequence), target);
  }

  /** Sources, then sequences. */
  public List<Sequence> all() {
    return sources.isEmpty() ? sequences : Stream.concat(sources.stream(), sequences.stream()).toList();
  }

  /** Tokens of all its sequences. */
  public int tokens() {
    return sum(sequences);
  }

  /** Tokens of all its sources. */
  public int sourceTokens() {
    return sum(sources);
  }

  private static int sum(List<Sequence> of) {
    int sum = 0;
    for (Sequence sequence : of) {
      sum += sequence.length();
    }
    return sum;
  }
}
