package io.github.lora4j.tokenizer.chat;

import io.github.lora4j.vector.ConfigException;

/**
 * How much a template may do before it is stopped with an error: a template is a program from a stranger.
 *
 * @param steps most steps: an expression evaluated is one, and so are a list element or 64 characters handled
 * @param depth most calls and blocks inside one another
 * @param output most characters of a text, rendered or in between
 */
public record Limits(long steps, int depth, int output) {

  /** Enough for conversations of a million tokens; an endless loop is over in a fraction of a second. */
  public static final Limits DEFAULT = new Limits(5_000_000, 200, 32 << 20);

  /** Checks that none is zero or less. */
  public Limits {
    if (steps < 1 || depth < 1 || output < 1) {
      throw new ConfigException("limits of a chat template must be at least 1, are steps %d, depth %d, output %d".formatted(steps, depth, output));
    }
  }
}
