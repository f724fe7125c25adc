package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Unicode;

/**
 * The words of GPT-2: the regular expression
 * {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+} by hand, as nothing of it needs to go back.
 */
final class GptWords {

  private enum Kind { LETTER, NUMBER, SPACE, OTHER }

  private GptWords() {}

  /** Where the word ends that starts at {@code from}. */
  static int end(Text text, int from, int to) {
    int contraction = contraction(text, from, to);
    if (contraction > 0) {
      return from + contraction;
    }
    boolean spaced = text.at(from) == ' ' && from + 1 < to && kind(text.at(from + 1)) != Kind.SPACE;
    int start = spaced ? from + 1 : from;
    Kind kind = kind(text.at(start));
    int end = start + 1;
    while (end < to && kind(text.at(end)) == kind) {
      end++;
    }
    // The last of several spaces belongs to what follows.
    return kind == Kind.SPACE && end < to && end - from > 1 ? end - 1 : end;
  }

  private static int contraction(Text text, int at, int to) {
    if (text.at(at) != '\'' || at + 1 >= to) {
      return 0;
    }
    int first = text.at(at + 1);
    if ("stmd".indexOf(first) >= 0) {
      return 2;
    }
    int second = at + 2 < to ? text.at(at + 2) : -1;
    return (first == 'r' || first == 'v') && second == 'e' || first == 'l' && second == 'l' ? 3 : 0;
  }

  private static Kind kind(int c) {
    if (Unicode.isWhitespace(c)) {
      return Kind.SPACE;
    }
    return Unicode.isLetter(c) ? Kind.LETTER : Unicode.isNumber(c) ? Kind.NUMBER : Kind.OTHER;
  }
}
