package io.github.lora4j.generate.sampling;

import java.util.Arrays;

/**
 * The scores of the next token, and the tokens before it. One object serves all sequences, one after another, with the memory that processors
 * need: nothing is allocated from token to token.
 */
public final class Scores {

  /** What a token that cannot come has. */
  static final float IMPOSSIBLE = Float.NEGATIVE_INFINITY;

  private final float[] values;
  private final double[] probabilities;
  private final int[] counts;
  private final Ranking ranking;
  private int[] history = {};
  private int length;
  private int promptLength;

  /** Room for the scores of so many tokens. */
  public Scores(int vocabulary) {
    values = new float[vocabulary];
    probabilities = new double[vocabulary];
    counts = new int[vocabulary];
    ranking = new Ranking(vocabulary);
  }

  /**
   * Says what comes before the token; {@link #values} are the caller's to fill.
   *
   * @param history tokens, of which the first {@code length} count; not copied
   * @param promptLength how many of them are the prompt
   */
  public void after(int[] history, int length, int promptLength) {
    this.history = history;
    this.length = length;
    this.promptLength = promptLength;
  }

  /** One score for each token; processors change them in place. */
  public float[] values() {
    return values;
  }

  /** Tokens before this one, the prompt's included. */
  public int length() {
    return length;
  }

  /** How many of them are the prompt's. */
  public int promptLength() {
    return promptLength;
  }

  /** A token before this one. */
  public int token(int index) {
    return history[index];
  }

  /** Makes a token impossible; one that the model does not have is impossible already. */
  void forbid(int token) {
    if (token < values.length) {
      values[token] = IMPOSSIBLE;
    }
  }

  /** How often each token is among those from {@code from} on. */
  int[] counts(int from) {
    Arrays.fill(counts, 0);
    for (int i = from; i < length; i++) {
      if (history[i] < counts.length) {
        counts[history[i]]++;
      }
    }
    return counts;
  }

  /** The softmax of the scores; valid until it is asked for again. */
  double[] probabilities() {
    double max = max();
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      probabilities[i] = Math.exp(values[i] - max);
      sum += probabilities[i];
    }
    for (int i = 0; i < values.length; i++) {
      probabilities[i] /= sum;
    }
    return probabilities;
  }

  float max() {
    float max = IMPOSSIBLE;
    for (float value : values) {
      max = Math.max(max, value);
    }
    return max;
  }

  Ranking ranking() {
    return ranking;
  }

  /** The token with the highest score, of several the first. */
  public int best() {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      if (values[i] > values[best]) {
        best = i;
      }
    }
    return best;
  }
}
