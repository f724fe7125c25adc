package io.github.lora4j.tokenizer.internal.normal;

import io.github.lora4j.tokenizer.internal.regex.Regex;
import io.github.lora4j.tokenizer.internal.text.Bytes;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.tokenizer.internal.text.TextEdit;
import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.util.function.IntPredicate;

/** The small normalizers. */
public final class Steps {

  private Steps() {}

  /** Puts a string before every text that is not empty; it has the range of the text's first character. */
  public static Text prepend(Text text, int[] prefix) {
    if (text.length() == 0 || prefix.length == 0) {
      return text;
    }
    Text result = new Text(text.length() + prefix.length, text.origin());
    for (int c : prefix) {
      result.add(c, text.start(0), text.end(0));
    }
    for (int i = 0; i < text.length(); i++) {
      result.add(text.at(i), text.start(i), text.end(i));
    }
    return result;
  }

  /** Puts a string in place of every match; it has the range of the match's last character. */
  public static Text replace(Text text, Regex pattern, int[] content) {
    if (text.length() == 0) {
      return text;
    }
    TextEdit edit = new TextEdit(text);
    boolean[] any = new boolean[1];
    pattern.split(text, 0, text.length(), (from, to, match) -> {
      if (match) {
        any[0] = true;
        edit.drop(to - from);
        for (int c : content) {
          edit.insert(c);
        }
      } else {
        for (int i = from; i < to; i++) {
          edit.put(text.at(i));
        }
      }
    });
    return any[0] ? edit.result() : text;
  }

  static Text lowercase(Text text) {
    TextEdit edit = new TextEdit(text);
    for (int i = 0; i < text.length(); i++) {
      int c = text.at(i);
      edit.put(c < 0x80 ? c >= 'A' && c <= 'Z' ? c + 32 : c : Unicode.lower(c));
      if (c == 0x130) {
        edit.insert(0x307);
      }
    }
    return edit.result();
  }

  static Text strip(Text text, boolean left, boolean right) {
    int from = 0;
    int to = text.length();
    while (left && from < to && Unicode.isWhitespace(text.at(from))) {
      from++;
    }
    while (right && to > from && Unicode.isWhitespace(text.at(to - 1))) {
      to--;
    }
    if (to - from == text.length()) {
      return text;
    }
    Text result = new Text(to - from, text.origin());
    for (int i = from; i < to; i++) {
      result.add(text.at(i), text.start(i), text.end(i));
    }
    return result;
  }

  static Text filter(Text text, IntPredicate kept) {
    Text result = new Text(text.length(), text.origin());
    for (int i = 0; i < text.length(); i++) {
      if (kept.test(text.at(i))) {
        result.add(text.at(i), text.start(i), text.end(i));
      }
    }
    return result;
  }

  /** Normalisation of Google's machine translation: controls dropped, other kinds of white space made spaces. */
  static Text nmt(Text text) {
    Text kept = filter(text, c -> !(c >= 1 && c <= 8 || c == 0xB || c >= 0xE && c <= 0x1F || c == 0x7F || c == 0x8F || c == 0x9F));
    Text result = new Text(kept.length(), kept.origin());
    for (int i = 0; i < kept.length(); i++) {
      int c = kept.at(i);
      boolean space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || c >= 0x200B && c <= 0x200F || c == 0x2028 || c == 0x2029
          || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      result.add(space ? ' ' : c, kept.start(i), kept.end(i));
    }
    return result;
  }

  /** Every byte of the text's UTF-8 as a character of GPT-2's alphabet; all have the range of their character. */
  public static Text bytes(Text text, int from, int to) {
    Text result = new Text(to - from + 8, from < to ? text.start(from) : text.origin());
    for (int i = from; i < to; i++) {
      int c = text.at(i);
      int start = text.start(i);
      int end = text.end(i);
      if (c < 0x80) {
        result.add(Bytes.character(c), start, end);
        continue;
      }
      if (c < 0x800) {
        result.add(Bytes.character(0xC0 | c >> 6), start, end);
      } else {
        if (c < 0x10000) {
          result.add(Bytes.character(0xE0 | c >> 12), start, end);
        } else {
          result.add(Bytes.character(0xF0 | c >> 18), start, end);
          result.add(Bytes.character(0x80 | c >> 12 & 0x3F), start, end);
        }
        result.add(Bytes.character(0x80 | c >> 6 & 0x3F), start, end);
      }
      result.add(Bytes.character(0x80 | c & 0x3F), start, end);
    }
    return result;
  }
}
