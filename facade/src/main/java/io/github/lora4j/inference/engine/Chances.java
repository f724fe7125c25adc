package io.github.lora4j.inference.engine;

import io.github.lora4j.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** Log-probabilities of tokens, from logits. */
final class Chances {

  private final Tokenizer tokenizer;

  Chances(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * What a token's chance was.
   *
   * @param alternatives how many of the likeliest tokens are told, too
   * @param generated the answer up to this token
   */
  TokenChance of(float[] logits, int token, int alternatives, int[] generated) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - max);
    }
    double norm = max + Math.log(sum);
    int before = generated.length < 2 ? -1 : generated[generated.length - 2];
    List<TokenChance> top = new ArrayList<>();
    for (int best : best(logits, alternatives)) {
      top.add(new TokenChance(best, text(before, best), logits[best] - norm, List.of()));
    }
    return new TokenChance(token, text(before, token), logits[token] - norm, top);
  }

  /** The likeliest tokens, the likeliest first and of equal ones the one of the lower id. */
  private static int[] best(float[] logits, int count) {
    int[] best = new int[Math.min(count, logits.length)];
    int held = 0;
    for (int id = 0; id < logits.length && best.length > 0; id++) {
      if (held < best.length || logits[id] > logits[best[held - 1]]) {
        int at = held < best.length ? held++ : held - 1;
        while (at > 0 && logits[best[at - 1]] < logits[id]) {
          best[at] = best[at - 1];
          at--;
        }
        best[at] = id;
      }
    }
    return best;
  }

  /** What a token adds to the one before it: some decoders leave out a blank where a text begins. */
  private String text(int before, int token) {
    if (before < 0 || token >= tokenizer.vocabSize()) {
      return token >= tokenizer.vocabSize() ? "" : tokenizer.decode(new int[] {token}, false);
    }
    String one = tokenizer.decode(new int[] {before}, false);
    String both = tokenizer.decode(new int[] {before, token}, false);
    return both.startsWith(one) ? both.substring(one.length()) : tokenizer.decode(new int[] {token}, false);
  }
}
