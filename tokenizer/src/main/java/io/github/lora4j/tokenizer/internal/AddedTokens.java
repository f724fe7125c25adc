package io.github.lora4j.tokenizer.internal;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Tokens that are looked for in the text before it is split into words: leftmost first, the longest there. */
final class AddedTokens {

  /** An added token with the flags of {@code tokenizer.json}. */
  record Token(int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {}

  /** Takes what lies between the tokens, and the tokens. */
  interface Sink {
    void text(int from, int to);

    void token(Token token, int from, int to);
  }

  private record Pattern(int[] codePoints, Token token) {}

  /** By first code point, longest first. */
  private final Map<Integer, List<Pattern>> patterns = new HashMap<>();

  /** The given tokens, found in text that went through the normaliser. */
  AddedTokens(List<Token> tokens, BertNormalizer normalizer) {
    for (Token token : tokens) {
      Text raw = Text.of(token.content());
      int[] codePoints = normalizer.normalize(raw, 0, raw.length()).codePoints();
      if (codePoints.length > 0) {
        patterns.computeIfAbsent(codePoints[0], c -> new ArrayList<>()).add(new Pattern(codePoints, token));
      }
    }
    patterns.values().forEach(list -> list.sort((a, b) -> b.codePoints.length - a.codePoints.length));
  }

  /** Splits {@code text[from, to)}. */
  void split(Text text, int from, int to, Sink sink) {
    int done = from;
    int i = patterns.isEmpty() ? to : from;
    while (i < to) {
      Pattern found = find(text, i, to);
      if (found == null) {
        i++;
        continue;
      }
      int start = i;
      int end = i + found.codePoints.length;
      i = end;
      Token token = found.token;
      if (token.singleWord && (start > from && Unicode.isWord(text.at(start - 1)) || end < to && Unicode.isWord(text.at(end)))) {
        continue;
      }
      while (token.lstrip && start > done && Unicode.isWhitespace(text.at(start - 1))) {
        start--;
      }
      while (token.rstrip && end < to && Unicode.isWhitespace(text.at(end))) {
        end++;
      }
      if (done < start) {
        sink.text(done, start);
      }
      sink.token(token, start, end);
      done = end;
      i = end;
    }
    if (done < to) {
      sink.text(done, to);
    }
  }

  private Pattern find(Text text, int at, int to) {
    List<Pattern> candidates = patterns.get(text.at(at));
    if (candidates == null) {
      return null;
    }
    for (Pattern pattern : candidates) {
      if (matches(pattern.codePoints, text, at, to)) {
        return pattern;
      }
    }
    return null;
  }

  private static boolean matches(int[] pattern, Text text, int at, int to) {
    if (pattern.length > to - at) {
      return false;
    }
    for (int i = 0; i < pattern.length; i++) {
      if (text.at(at + i) != pattern[i]) {
        return false;
      }
    }
    return true;
  }
}
