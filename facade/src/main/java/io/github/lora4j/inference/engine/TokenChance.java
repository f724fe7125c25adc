package io.github.lora4j.inference.engine;

import java.util.List;

/**
 * A token and how likely the model found it, before all settings.
 *
 * @param text what it adds to the text before it
 * @param logprob natural logarithm of its probability
 * @param top the likeliest tokens in its place, the likeliest first, without others of their own
 */
public record TokenChance(int id, String text, double logprob, List<TokenChance> top) {

  /** Copies the list. */
  public TokenChance {
    top = List.copyOf(top);
  }
}
