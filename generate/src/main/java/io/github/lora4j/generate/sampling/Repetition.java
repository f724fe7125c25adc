package io.github.lora4j.generate.sampling;

/** Processors that make what was said before less likely. */
final class Repetition {

  private Repetition() {}

  /** Divides positive scores of all tokens of prompt and answer by the penalty, and multiplies negative ones (Keskar et al. 2019, "CTRL"). */
  static LogitsProcessor penalty(double penalty) {
    float factor = (float) penalty;
    return scores -> {
      int[] counts = scores.counts(0);
      float[] values = scores.values();
      for (int i = 0; i < values.length; i++) {
        if (counts[i] > 0) {
          values[i] = values[i] < 0 ? values[i] * factor : values[i] / factor;
        }
      }
    };
  }

  /** Subtracts {@code presence} from tokens of the answer, and {@code frequency} for each time they are in it. */
  static LogitsProcessor frequency(double frequency, double presence) {
    return scores -> {
      int[] counts = scores.counts(scores.promptLength());
      float[] values = scores.values();
      for (int i = 0; i < values.length; i++) {
        if (counts[i] > 0) {
          values[i] -= (float) (frequency * counts[i] + presence);
        }
      }
    };
  }

  /** Forbids the token that would end a run of {@code size} tokens which is there already. */
  static LogitsProcessor ngrams(int size) {
    return scores -> {
      int length = scores.length();
      int before = size - 1;
      for (int i = 0; i + before < length; i++) {
        boolean same = true;
        for (int j = 0; same && j < before; j++) {
          same = scores.token(i + j) == scores.token(length - before + j);
        }
        if (same) {
          scores.forbid(scores.token(i + before));
        }
      }
    };
  }
}
