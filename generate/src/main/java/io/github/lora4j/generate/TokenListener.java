package io.github.lora4j.generate;

/** Told of every token as soon as it is chosen. */
@FunctionalInterface
public interface TokenListener {

  /** Nobody listens. */
  TokenListener NONE = (sequence, token) -> { };

  /** A sequence has another token; if it is the last one, the sequence knows why. */
  void token(Sequence sequence, int token);
}
