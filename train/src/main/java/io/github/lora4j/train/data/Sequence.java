package io.github.lora4j.train.data;

import io.github.lora4j.tokenizer.Encoding;

/**
 * A text, or two with a separator between them, as tokens.
 *
 * @param ids token ids, special tokens included
 * @param types sentence number of each token
 * @param cut whether tokens were left out to keep the limit
 */
public record Sequence(int[] ids, int[] types, boolean cut) {

  /** What a tokenizer made of a text. */
  public static Sequence of(Encoding encoding) {
    return new Sequence(encoding.ids(), encoding.typeIds(), encoding.truncated());
  }

  /** Tokens. */
  public int length() {
    return ids.length;
  }
}
