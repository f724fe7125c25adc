package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;

/** Cuts words into tokens of a vocabulary. Thread-safe. */
public interface Model {

  /** Adds the tokens of the word {@code text[from, to)}, which is not empty. */
  void encode(Text text, int from, int to, Pieces out);
}
