package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.text.Text;

/** Splits text into words and words into pieces of a vocabulary. */
interface TextModel {

  /** Adds the pieces of {@code text[from, to)}, which no added token is in. */
  void encode(Text text, int from, int to, Pieces out);
}
