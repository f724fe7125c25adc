package io.github.lora4j.generate.settings;

import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * How a sequence is continued: the settings of transformers' {@code GenerationConfig} that are followed here, and a few that it lacks. See
 * {@link GenerationSettings} for their names, defaults and checks.
 */
public record GenerationConfig(Length length, Stop stop, Sampling sampling, Filters filters, Penalties penalties, Tokens tokens, Beams beams) {

  /**
   * How long a sequence gets.
   *
   * @param maxNewTokens tokens to generate at most; empty: as many as {@code maxLength} or the context allow
   * @param maxLength tokens of prompt and answer at most, where {@code maxNewTokens} is not given
   * @param minLength no end token while prompt and answer are shorter
   * @param minNewTokens no end token while the answer is shorter
   */
  public record Length(OptionalInt maxNewTokens, OptionalInt maxLength, int minLength, int minNewTokens) {

    /** Tokens of prompt and answer at most, for a prompt of this length. */
    public int limit(int prompt) {
      if (maxNewTokens.isPresent()) {
        return (int) Math.min(Integer.MAX_VALUE, (long) prompt + maxNewTokens.getAsInt());
      }
      return maxLength.orElse(Integer.MAX_VALUE);
    }
  }

  /**
   * What ends a sequence.
   *
   * @param eosTokenIds each of these tokens, which is part of the answer
   * @param strings each of these texts, which is not; found also where several tokens make it
   */
  public record Stop(List<Integer> eosTokenIds, List<String> strings) {
    /** Copies the lists. */
    public Stop {
      eosTokenIds = List.copyOf(eosTokenIds);
      strings = List.copyOf(strings);
    }
  }

  /**
   * Drawing.
   *
   * @param doSample whether tokens are drawn; otherwise the best one is taken
   * @param seed of the draws: a sequence's are the same whatever else is in the batch
   */
  public record Sampling(boolean doSample, long seed) {}

  /** What is left to draw from; each is off at the value that transformers gives for off: 1, 0, 1, 0, 1, 0, 0. */
  public record Filters(double temperature, int topK, double topP, double minP, double typicalP, double epsilonCutoff, double etaCutoff) {}

  /**
   * Against repetition.
   *
   * @param repetition divides positive scores of tokens that are in prompt or answer, multiplies negative ones
   * @param frequency subtracted for each time that a token is in the answer
   * @param presence subtracted once for tokens in the answer
   * @param noRepeatNgramSize no run of so many tokens twice; 0: any
   * @param renormalizeLogits whether scores become log-probabilities at the end
   */
  public record Penalties(double repetition, double frequency, double presence, int noRepeatNgramSize, boolean renormalizeLogits) {}

  /**
   * Tokens made more or less likely.
   *
   * @param badWords token sequences that must not come up
   * @param bias added to the score of the last token of each of these sequences where the others are before it
   * @param suppressed never generated
   * @param suppressedAtBegin not generated as the first token
   * @param forcedBos the second token of a sequence
   * @param forcedEos the last token, if the length is what ends the sequence
   */
  public record Tokens(List<List<Integer>> badWords, Map<List<Integer>, Double> bias, List<Integer> suppressed, List<Integer> suppressedAtBegin,
      OptionalInt forcedBos, List<Integer> forcedEos) {
    /** Copies the collections. */
    public Tokens {
      badWords = badWords.stream().map(List::copyOf).toList();
      bias = Map.copyOf(bias);
      suppressed = List.copyOf(suppressed);
      suppressedAtBegin = List.copyOf(suppressedAtBegin);
      forcedEos = List.copyOf(forcedEos);
    }
  }

  /**
   * Beam search.
   *
   * @param beams how many continuations are kept; 1: none of it
   * @param returned how many of them are answers
   * @param lengthPenalty scores are divided by the answer's length to this power
   * @param earlyStopping whether it ends when as many beams have ended as there are
   */
  public record Beams(int beams, int returned, double lengthPenalty, boolean earlyStopping) {}
}
