package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.text.Bytes;
import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Takes the spaces that byte-level pieces begin and end with out of their ranges in the text (trim_offsets).
 *
 * @param spaces how many a token begins and ends with, of those that have some
 * @param added the ids of added tokens; these have the white space around them that they took from the text (lstrip, rstrip)
 * @param prefixSpace whether a single space at the text's start is not of the text (add_prefix_space)
 */
record Trim(Map<Integer, Spaces> spaces, Set<Integer> added, boolean prefixSpace) {

  /** Spaces of a token. */
  record Spaces(int leading, int trailing) {

    static Spaces of(CharSequence token) {
      return new Spaces(leading(token), leading(new StringBuilder(token).reverse()));
    }

    private static int leading(CharSequence token) {
      int count = 0;
      while (count < token.length() && (token.charAt(count) == Bytes.character(' ') || Unicode.isWhitespace(token.charAt(count)))) {
        count++;
      }
      return count;
    }

    private boolean any() {
      return leading + trailing > 0;
    }
  }

  static Trim of(Vocabulary vocabulary, List<AddedTokens.Token> added, boolean prefixSpace) {
    Map<Integer, Spaces> spaces = new HashMap<>();
    vocabulary.ids().forEach((token, id) -> {
      Spaces around = Spaces.of(token);
      if (around.any()) {
        spaces.put(id, around);
      }
    });
    Set<Integer> ids = new HashSet<>();
    added.forEach(token -> ids.add(token.id()));
    return new Trim(spaces, ids, prefixSpace);
  }

  void apply(Pieces pieces) {
    String text = pieces.text();
    for (int i = 0; i < pieces.length(); i++) {
      int start = pieces.start(i);
      int end = pieces.end(i);
      Spaces around = added.contains(pieces.id(i)) ? Spaces.of(text.substring(start, end)) : spaces.get(pieces.id(i));
      if (around != null && around.any()) {
        // Several at the text's start are all of the text, as a prefix is put only before text that has none. It has the range of the
        // character after it, which may be two chars long.
        boolean prefix = prefixSpace && around.leading == 1 && (i == 0 || start == 0);
        start = prefix ? start : move(text, start, end, around.leading);
        pieces.range(i, start, move(text, end, start, -around.trailing));
      }
    }
  }

  /** The index so many code points on, at most to the limit. */
  private static int move(String text, int index, int limit, int codePoints) {
    int available = text.codePointCount(Math.min(index, limit), Math.max(index, limit));
    return available <= Math.abs(codePoints) ? limit : text.offsetByCodePoints(index, codePoints);
  }
}
