package io.github.lora4j.inference.engine;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.vector.Lora4jException;
import java.util.List;

/** What happens to one sequence of an {@link Answer}. */
public sealed interface AnswerEvent {

  /** Which of the sequences, from 0. */
  int index();

  /**
   * The text goes on.
   *
   * @param text may be empty where tokens with their chances are told
   * @param tokens that came since the last event; empty unless they were asked for
   */
  record Text(int index, String text, List<TokenChance> tokens) implements AnswerEvent {
    /** Copies the list. */
    public Text {
      tokens = List.copyOf(tokens);
    }
  }

  /**
   * The sequence has ended.
   *
   * @param tokens of the answer
   */
  record Ended(int index, FinishReason reason, int tokens) implements AnswerEvent {}

  /** The sequence cannot go on. */
  record Failed(int index, Lora4jException why) implements AnswerEvent {}

  /** The sequence waited or took longer than the limits allow. */
  record TimedOut(int index, boolean waiting) implements AnswerEvent {}
}
