package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Unicode;

/**
 * BERT's words, each encoded by WordPiece: split at white space, which is dropped, and around punctuation.
 *
 * @param pieces what splits the words
 */
record BertWords(WordPiece pieces) implements TextModel {

  @Override
  public void encode(Text text, int from, int to, Pieces out) {
    int start = from;
    for (int i = from; i < to; i++) {
      boolean punctuation = Unicode.isPunctuation(text.at(i));
      if (!punctuation && !Unicode.isWhitespace(text.at(i))) {
        continue;
      }
      if (start < i) {
        pieces.encode(text, start, i, out);
      }
      if (punctuation) {
        pieces.encode(text, i, i + 1, out);
      }
      start = i + 1;
    }
    if (start < to) {
      pieces.encode(text, start, to, out);
    }
  }
}
