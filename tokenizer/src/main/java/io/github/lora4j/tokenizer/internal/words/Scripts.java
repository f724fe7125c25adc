package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.text.Unicode;
import java.lang.Character.UnicodeScript;

/**
 * Words of one script, as sentencepiece has them: Japanese scripts are one with Han, and spaces go with any. Its table is of an older Unicode than
 * Java's.
 */
final class Scripts {

  private Scripts() {}

  static Words words() {
    return (text, from, to, sink) -> {
      UnicodeScript last = null;
      // What lies before the first character with a script is dropped, as in Hugging Face's.
      int start = to;
      for (int i = from; i < to; i++) {
        int c = text.at(i);
        UnicodeScript script = of(c);
        // A space is of no script, nor is what has none: it neither begins a word nor says what the next is.
        if (c == ' ' || script == UnicodeScript.UNKNOWN) {
          continue;
        }
        if (last != script) {
          if (start < i) {
            sink.word(text, start, i);
          }
          start = i;
        }
        last = script;
      }
      if (start < to) {
        sink.word(text, start, to);
      }
    };
  }

  private static UnicodeScript of(int c) {
    if (!Unicode.hasScript(c)) {
      return UnicodeScript.UNKNOWN;
    }
    if (c == 0x589 || c == 0x61C) {
      return UnicodeScript.COMMON;
    }
    if (c == 0x953 || c == 0x954) {
      return UnicodeScript.DEVANAGARI;
    }
    UnicodeScript script = UnicodeScript.of(c);
    return c == 0x30FC || script == UnicodeScript.HIRAGANA || script == UnicodeScript.KATAKANA ? UnicodeScript.HAN : script;
  }
}
