package io.github.lora4j.generate.sampling;

import java.util.Arrays;

/** Processors that forbid tokens, or all tokens but one, at certain lengths. */
final class Choices {

  private Choices() {}

  /** Forbids tokens everywhere. */
  static LogitsProcessor never(int[] tokens) {
    return scores -> forbid(scores, tokens);
  }

  /** Forbids end tokens while prompt and answer are shorter than this. */
  static LogitsProcessor minLength(int length, int[] ends) {
    return scores -> {
      if (scores.length() < length) {
        forbid(scores, ends);
      }
    };
  }

  /** Forbids end tokens while the answer is shorter than this. */
  static LogitsProcessor minNewTokens(int length, int[] ends) {
    return scores -> {
      if (scores.length() - scores.promptLength() < length) {
        forbid(scores, ends);
      }
    };
  }

  /** Forbids tokens as the first of an answer; with a forced second token of the sequence, as the one behind that. */
  static LogitsProcessor atBegin(int[] tokens, boolean forcedBos) {
    return scores -> {
      int begin = scores.promptLength() + (forcedBos && scores.promptLength() <= 1 ? 1 : 0);
      if (scores.length() == begin) {
        forbid(scores, tokens);
      }
    };
  }

  /** One of these tokens alone where so many are before it; their scores become 0. */
  static LogitsProcessor forced(int length, int[] tokens) {
    return scores -> {
      if (scores.length() == length) {
        Arrays.fill(scores.values(), Scores.IMPOSSIBLE);
        for (int token : tokens) {
          if (token < scores.values().length) {
            scores.values()[token] = 0;
          }
        }
      }
    };
  }

  private static void forbid(Scores scores, int[] tokens) {
    for (int token : tokens) {
      scores.forbid(token);
    }
  }
}
