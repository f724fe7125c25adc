package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Trie;
import java.util.Map;

/**
 * WordPiece (Schuster and Nakajima, 2012; as in BERT): from a word's start the longest piece of the vocabulary, then again from where it
 * ended, with pieces that carry the continuation prefix. A word that cannot be covered, or is too long, is the unknown token as a whole.
 */
final class WordPiece implements Model {

  private static final int BEGIN = 0;
  private static final int CONTINUE = 1;

  private final Trie trie = new Trie(2);
  private final int unknown;
  private final int maxChars;

  WordPiece(Map<String, Integer> vocab, int unknown, String prefix, int maxChars) {
    this.unknown = unknown;
    this.maxChars = maxChars;
    vocab.forEach((token, id) -> {
      trie.put(BEGIN, token.codePoints().toArray(), id);
      if (token.startsWith(prefix)) {
        trie.put(CONTINUE, token.substring(prefix.length()).codePoints().toArray(), id);
      }
    });
  }

  @Override
  public void encode(Text text, int from, int to, Pieces out) {
    int before = out.length();
    if (to - from > maxChars) {
      out.add(unknown, text.start(from), text.end(to - 1));
      return;
    }
    int root = BEGIN;
    for (int start = from; start < to; root = CONTINUE) {
      int id = -1;
      int end = start;
      int node = root;
      for (int i = start; i < to; i++) {
        node = trie.child(node, text.at(i));
        if (node < 0) {
          break;
        }
        if (trie.value(node) >= 0) {
          id = trie.value(node);
          end = i + 1;
        }
      }
      if (id < 0) {
        out.shorten(before);
        out.add(unknown, text.start(from), text.end(to - 1));
        return;
      }
      out.add(id, text.start(start), text.end(end - 1));
      start = end;
    }
  }
}
