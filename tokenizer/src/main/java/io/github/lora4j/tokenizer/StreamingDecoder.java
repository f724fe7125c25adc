package io.github.lora4j.tokenizer;

/**
 * Text of ids that come one by one. What {@link #next} and {@link #finish} give, one behind another, is what {@link Tokenizer#decode} makes of all
 * ids at once, and no part of it is taken back or ends within a character. For one thread.
 */
public interface StreamingDecoder {

  /**
   * Takes an id.
   *
   * @return the text that is certain now, whatever ids follow; empty while a character's bytes, or what a later token may change, are awaited
   * @throws io.github.lora4j.vector.ConfigException if no token has the id
   * @throws IllegalStateException after {@link #finish}
   */
  String next(int id);

  /** The rest, when no id follows. */
  String finish();
}
