package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.regex.Regex;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.function.IntPredicate;

/** Words cut by patterns and by kinds of characters. */
public final class Cuts {

  /** GPT-2's expression, of which nothing needs to go back. */
  static final Words GPT2 = (text, from, to, sink) -> {
    int end;
    for (int at = from; at < to; at = end) {
      end = GptWords.end(text, at, to);
      sink.word(text, at, end);
    }
  };

  /** At white space, which is dropped, and around punctuation. */
  public static final Words BERT = (text, from, to, sink) -> {
    int start = from;
    for (int i = from; i < to; i++) {
      boolean punctuation = Unicode.isPunctuation(text.at(i));
      if (!punctuation && !Unicode.isWhitespace(text.at(i))) {
        continue;
      }
      if (start < i) {
        sink.word(text, start, i);
      }
      if (punctuation) {
        sink.word(text, i, i + 1);
      }
      start = i + 1;
    }
    if (start < to) {
      sink.word(text, start, to);
    }
  };

  private Cuts() {}

  /** Runs of word characters, and runs of others that are no white space. */
  static final Words WORDS = (text, from, to, sink) -> {
    int end;
    for (int at = from; at < to; at = end) {
      int kind = kind(text.at(at));
      end = at + 1;
      while (end < to && kind(text.at(end)) == kind) {
        end++;
      }
      if (kind != 0) {
        sink.word(text, at, end);
      }
    }
  };

  private static int kind(int c) {
    return Unicode.isWhitespace(c) ? 0 : Unicode.isWord(c) ? 1 : 2;
  }

  /** By the matches of an expression, or by what lies between them. */
  static Words regex(Regex pattern, Behavior behavior, boolean invert) {
    return (text, from, to, sink) -> {
      Behavior.Joiner joiner = behavior.joiner(text, sink);
      pattern.split(text, from, to, (start, end, match) -> joiner.part(start, end, match != invert));
      joiner.finish();
    };
  }

  /** By single characters. */
  static Words characters(IntPredicate delimiter, Behavior behavior) {
    return (text, from, to, sink) -> {
      Behavior.Joiner joiner = behavior.joiner(text, sink);
      int start = from;
      for (int i = from; i < to; i++) {
        if (delimiter.test(text.at(i))) {
          if (start < i) {
            joiner.part(start, i, false);
          }
          joiner.part(i, i + 1, true);
          start = i + 1;
        }
      }
      if (start < to) {
        joiner.part(start, to, false);
      }
      joiner.finish();
    };
  }

  /** Parts of so many characters. */
  static Words length(int length) {
    return (text, from, to, sink) -> {
      for (int at = from; at < to; at += length) {
        sink.word(text, at, Math.min(to, at + length));
      }
    };
  }
}
