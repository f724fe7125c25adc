package io.github.lora4j.generate.sampling;

import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.vector.Philox;
import java.util.ArrayList;
import java.util.List;

/**
 * From scores to a token, as a {@link GenerationConfig} says: its processors in the order of transformers (bias, repetition, n-grams, bad words,
 * lengths, forced, suppressed; where tokens are drawn temperature, top k, top p, min p, typical, epsilon, eta; normalisation last), then the best
 * token or a draw. Draws are keyed by the seed and the token's position in the answer, so a sequence's do not depend on others.
 */
public final class Sampler {

  private static final int DOMAIN = 0x67656E;

  private final List<LogitsProcessor> processors;
  private final GenerationConfig.Sampling sampling;
  private final int[] random = new int[4];

  /**
   * The sampler of a sequence.
   *
   * @param limit tokens of prompt and answer at most, which a forced end token needs to know
   */
  public Sampler(GenerationConfig config, int limit) {
    processors = processors(config, limit);
    sampling = config.sampling();
  }

  /** The processors that a config asks for, in their order. */
  public static List<LogitsProcessor> processors(GenerationConfig config, int limit) {
    List<LogitsProcessor> all = new ArrayList<>();
    GenerationConfig.Tokens tokens = config.tokens();
    GenerationConfig.Penalties penalties = config.penalties();
    int[] ends = ints(config.stop().eosTokenIds());
    add(all, !tokens.bias().isEmpty(), TokenBias.of(tokens.bias()));
    add(all, penalties.repetition() != 1, Repetition.penalty(penalties.repetition()));
    add(all, penalties.frequency() != 0 || penalties.presence() != 0, Repetition.frequency(penalties.frequency(), penalties.presence()));
    add(all, penalties.noRepeatNgramSize() > 0, Repetition.ngrams(penalties.noRepeatNgramSize()));
    add(all, !tokens.badWords().isEmpty(), TokenBias.bad(tokens.badWords(), config.stop().eosTokenIds()));
    add(all, config.length().minLength() > 0, Choices.minLength(config.length().minLength(), ends));
    add(all, config.length().minNewTokens() > 0, Choices.minNewTokens(config.length().minNewTokens(), ends));
    tokens.forcedBos().ifPresent(bos -> all.add(Choices.forced(1, new int[] {bos})));
    add(all, !tokens.forcedEos().isEmpty(), Choices.forced(limit - 1, ints(tokens.forcedEos())));
    add(all, !tokens.suppressed().isEmpty(), Choices.never(ints(tokens.suppressed())));
    add(all, !tokens.suppressedAtBegin().isEmpty(), Choices.atBegin(ints(tokens.suppressedAtBegin()), tokens.forcedBos().isPresent()));
    if (config.sampling().doSample()) {
      GenerationConfig.Filters filters = config.filters();
      add(all, filters.temperature() != 1, Filters.temperature(filters.temperature()));
      add(all, filters.topK() > 0, Filters.topK(filters.topK()));
      add(all, filters.topP() < 1, Filters.topP(filters.topP()));
      add(all, filters.minP() > 0, Filters.minP(filters.minP()));
      add(all, filters.typicalP() < 1, Filters.typical(filters.typicalP()));
      add(all, filters.epsilonCutoff() > 0 && filters.epsilonCutoff() < 1, Filters.epsilon(filters.epsilonCutoff()));
      add(all, filters.etaCutoff() > 0 && filters.etaCutoff() < 1, Filters.eta(filters.etaCutoff()));
    }
    add(all, penalties.renormalizeLogits(), Filters::renormalize);
    return List.copyOf(all);
  }

  private static void add(List<LogitsProcessor> all, boolean wanted, LogitsProcessor processor) {
    if (wanted) {
      all.add(processor);
    }
  }

  private static int[] ints(List<Integer> list) {
    return list.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Runs the processors and chooses; −1 if they left no token possible. */
  public int next(Scores scores) {
    for (int i = 0; i < processors.size(); i++) {
      processors.get(i).process(scores);
    }
    int best = scores.best();
    if (scores.values()[best] == Scores.IMPOSSIBLE) {
      return -1;
    }
    return sampling.doSample() ? draw(scores) : best;
  }

  private int draw(Scores scores) {
    double[] probabilities = scores.probabilities();
    double sum = 0;
    for (double p : probabilities) {
      sum += p;
    }
    long seed = sampling.seed();
    Philox.generate(scores.length() - scores.promptLength(), 0, 0, DOMAIN, (int) seed, (int) (seed >>> 32), random);
    double left = sum * ((Integer.toUnsignedLong(random[0]) << 21 ^ random[1] >>> 11) * 0x1p-53);
    int last = scores.best();
    for (int i = 0; i < probabilities.length; i++) {
      if (probabilities[i] > 0) {
        last = i;
        left -= probabilities[i];
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }
}
