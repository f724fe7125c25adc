package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.normal.Normalizer;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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

  /** In lexicographic order, so that those that a text begins with are found by halving, whatever their number. */
  private final Pattern[] patterns;
  /** For each pattern the longest other one that it begins with, or −1. */
  private final int[] shorter;
  /** First code points. */
  private final Set<Integer> firsts = new HashSet<>();

  /** The given tokens, found in text that went through the normaliser. */
  AddedTokens(List<Token> tokens, Normalizer normalizer) {
    List<Pattern> list = new ArrayList<>();
    for (Token token : tokens) {
      Text raw = Text.of(token.content());
      int[] codePoints = normalizer.normalize(raw).codePoints();
      if (codePoints.length > 0) {
        list.add(new Pattern(codePoints, token));
        firsts.add(codePoints[0]);
      }
    }
    // Of tokens that are the same when normalised, the first counts: the sort is stable.
    list.sort((x, y) -> Arrays.compare(x.codePoints, y.codePoints));
    List<Pattern> distinct = new ArrayList<>();
    for (Pattern pattern : list) {
      if (distinct.isEmpty() || !Arrays.equals(distinct.getLast().codePoints, pattern.codePoints)) {
        distinct.add(pattern);
      }
    }
    patterns = distinct.toArray(Pattern[]::new);
    shorter = new int[patterns.length];
    for (int i = 0; i < patterns.length; i++) {
      int[] own = patterns[i].codePoints;
      int of = i - 1;
      while (of >= 0 && !begins(own, patterns[of].codePoints)) {
        of = shorter[of];
      }
      shorter[i] = of;
    }
  }

  private static boolean begins(int[] codePoints, int[] with) {
    return with.length < codePoints.length && Arrays.equals(codePoints, 0, with.length, with, 0, with.length);
  }

  /** Splits {@code text[from, to)}, at special tokens too or only at others. */
  void split(Text text, int from, int to, boolean special, Sink sink) {
    int done = from;
    int i = patterns.length == 0 ? to : from;
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
      if (token.special && !special) {
        continue;
      }
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

  /** The longest pattern that the text goes on with; null: none. */
  private @Nullable Pattern find(Text text, int at, int to) {
    if (!firsts.contains(text.at(at))) {
      return null;
    }
    int low = 0;
    int high = patterns.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (goesOn(patterns[middle].codePoints, text, at, to)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    // What the text begins with is the last pattern that is not behind it, or one that this begins with.
    int found = low - 1;
    while (found >= 0 && common(patterns[found].codePoints, text, at, to) < patterns[found].codePoints.length) {
      found = shorter[found];
    }
    return found < 0 ? null : patterns[found];
  }

  /** Whether the pattern is not behind the text in lexicographic order. */
  private static boolean goesOn(int[] pattern, Text text, int at, int to) {
    int common = common(pattern, text, at, to);
    return common == pattern.length || common < to - at && pattern[common] < text.at(at + common);
  }

  private static int common(int[] pattern, Text text, int at, int to) {
    int length = Math.min(pattern.length, to - at);
    int i = 0;
    while (i < length && text.at(at + i) == pattern[i]) {
      i++;
    }
    return i;
  }
}
