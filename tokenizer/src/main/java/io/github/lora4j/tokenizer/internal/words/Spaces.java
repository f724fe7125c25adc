package io.github.lora4j.tokenizer.internal.words;

import io.github.lora4j.tokenizer.internal.normal.Steps;
import io.github.lora4j.tokenizer.internal.regex.Regex;
import io.github.lora4j.tokenizer.internal.text.Text;

/** Words of byte-level and of sentencepiece's tokenizers, whose tokens carry the space before them. */
public final class Spaces {

  private static final int[] SPACE = {' '};

  private Spaces() {}

  /**
   * The bytes of the text in GPT-2's alphabet.
   *
   * @param prefix whether a space is put before text that has none
   * @param words whether it is cut into GPT-2's words before
   */
  public static Words bytes(boolean prefix, boolean words) {
    return (text, from, to, sink) -> {
      Text spaced = text;
      int start = from;
      int end = to;
      if (prefix && from < to && text.at(from) != ' ') {
        spaced = Steps.prepend(text.part(from, to), SPACE);
        start = 0;
        end = spaced.length();
      }
      Words.Sink bytes = (t, f, e) -> {
        if (ascii(t, f, e)) {
          sink.word(t, f, e);
        } else {
          Text all = Steps.bytes(t, f, e);
          sink.word(all, 0, all.length());
        }
      };
      if (words) {
        Cuts.GPT2.cut(spaced, start, end, bytes);
      } else if (start < end) {
        bytes.word(spaced, start, end);
      }
    };
  }

  /** Whether bytes and characters are the same. */
  private static boolean ascii(Text text, int from, int to) {
    for (int i = from; i < to; i++) {
      if (text.at(i) <= ' ' || text.at(i) >= 0x7F) {
        return false;
      }
    }
    return true;
  }

  /** When a replacement is put before a text. */
  enum Prefix { ALWAYS, FIRST, NEVER }

  /** Every space as another character, each of which begins a word. */
  static Words metaspace(int replacement, Prefix prefix, boolean split) {
    Regex space = Regex.literal(" ");
    int[] content = {replacement};
    Words words = split ? Cuts.characters(c -> c == replacement, Behavior.MERGED_WITH_NEXT) : Words.none();
    return (text, from, to, sink) -> {
      if (from == to) {
        return;
      }
      Text replaced = Steps.replace(text.part(from, to), space, content);
      boolean put = prefix == Prefix.ALWAYS || prefix == Prefix.FIRST && text.start(from) == 0;
      if (put && replaced.at(0) != replacement) {
        replaced = Steps.prepend(replaced, content);
      }
      words.cut(replaced, 0, replaced.length(), sink);
    };
  }
}
