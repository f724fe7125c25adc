package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;

/**
 * A model that remembers the tokens of words: each word has one place by its hash, so the memory is bounded, and threads may overwrite each
 * other's.
 */
abstract class Cached implements Model {

  private static final int PLACES = 1 << 14;
  private static final int LONGEST = 48;

  /** Tokens of a word; token i is of the characters {@code [starts[i], ends[i])} of the word. */
  private record Entry(int[] word, int[] ids, int[] starts, int[] ends) {}

  private final Entry[] entries = new Entry[PLACES];

  /** Tokens with places in the word. */
  abstract void tokens(Text text, int from, int to, Pieces out);

  @Override
  public final void encode(Text text, int from, int to, Pieces out) {
    int length = to - from;
    int hash = 0;
    if (length <= LONGEST) {
      for (int i = from; i < to; i++) {
        hash = hash * 31 + text.at(i);
      }
      hash *= 0x9E3779B9;
      hash = hash >>> 18;
      Entry entry = entries[hash];
      if (entry != null && entry.word.length == length && equal(entry.word, text, from)) {
        for (int i = 0; i < entry.ids.length; i++) {
          out.add(entry.ids[i], text.start(from + entry.starts[i]), text.end(from + entry.ends[i] - 1));
        }
        return;
      }
    }
    Pieces found = new Pieces("");
    tokens(text, from, to, found);
    int count = found.length();
    for (int i = 0; i < count; i++) {
      out.add(found.id(i), text.start(from + found.start(i)), text.end(from + found.end(i) - 1));
    }
    if (length <= LONGEST) {
      // Arrays are filled before the record is made of them: then a thread that sees the record sees them so.
      int[] word = new int[length];
      for (int i = 0; i < length; i++) {
        word[i] = text.at(from + i);
      }
      int[] ids = new int[count];
      int[] starts = new int[count];
      int[] ends = new int[count];
      found.copy(count, ids, starts, ends, 0);
      entries[hash] = new Entry(word, ids, starts, ends);
    }
  }

  private static boolean equal(int[] word, Text text, int from) {
    for (int i = 0; i < word.length; i++) {
      if (word[i] != text.at(from + i)) {
        return false;
      }
    }
    return true;
  }
}
