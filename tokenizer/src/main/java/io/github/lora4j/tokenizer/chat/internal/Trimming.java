package io.github.lora4j.tokenizer.chat.internal;

import java.util.BitSet;
import java.util.function.IntPredicate;

/** strip and its like: taking characters off the ends of a string, and adding some. */
final class Trimming {

  private Trimming() {}

  /** Without the given characters at its ends, without white space where they are None. */
  static Str strip(Run run, Str text, Value chars, boolean left, boolean right) {
    run.characters(text.chars() + (chars instanceof Str set ? (long) set.chars() : 0));
    return strip(text, chars, left, right);
  }

  static Str strip(Str text, Value chars, boolean left, boolean right) {
    IntPredicate strip = chars instanceof Str set ? set(set.text()) : Source::space;
    String s = text.text();
    int from = 0;
    int to = s.length();
    while (left && from < to && strip.test(s.codePointAt(from))) {
      from += Character.charCount(s.codePointAt(from));
    }
    while (right && to > from && strip.test(s.codePointBefore(to))) {
      to -= Character.charCount(s.codePointBefore(to));
    }
    return text.slice(from, to);
  }

  private static IntPredicate set(String chars) {
    if (chars.length() < 16) {
      return c -> chars.indexOf(c) >= 0;
    }
    BitSet set = new BitSet();
    chars.codePoints().forEach(set::set);
    return set::get;
  }

  static Str pad(Run run, String method, Str text, Arguments arguments) {
    Value[] bound = arguments.bind(run, method, 1, "width", "fillchar");
    Str fill = Undefined.given(bound[1]) ? Values.string(run, "fillchar", bound[1]) : Str.literal(" ");
    if (fill.length() != 1) {
      throw run.fail("the fill character must be exactly one character long");
    }
    int width = Values.index(run, "width", bound[0]);
    int missing = Math.max(0, width - text.length());
    run.characters((long) missing + text.chars());
    int left = switch (method) {
      case "ljust" -> 0;
      case "rjust" -> missing;
      default -> missing / 2 + (missing & width & 1);
    };
    return new StrBuilder().append(fill.text().repeat(left)).append(text).append(fill.text().repeat(missing - left)).build();
  }

  static Str zeros(Run run, Str text, Arguments arguments) {
    int missing = Math.max(0, Values.index(run, "width", arguments.bind(run, "zfill", 1, "width")[0]) - text.length());
    run.characters((long) missing + text.chars());
    int sign = text.text().startsWith("+") || text.text().startsWith("-") ? 1 : 0;
    return new StrBuilder().append(text, 0, sign).append("0".repeat(missing)).append(text, sign, text.chars()).build();
  }
}
