package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Cutting strings up, and replacing parts of them. */
final class Splitting {

  private Splitting() {}

  /** split and rsplit; the arguments are the separator and the most splits. */
  static Value split(Run run, Str text, Value[] bound, boolean fromLeft) {
    int most = Undefined.given(bound[1]) ? Values.index(run, "maxsplit", bound[1]) : -1;
    most = most < 0 ? Integer.MAX_VALUE : most;
    List<Value> parts;
    if (!Undefined.given(bound[0]) || bound[0] instanceof None) {
      parts = fromLeft ? words(text, most) : wordsFromRight(text, most);
    } else {
      Str separator = Values.string(run, "the separator", bound[0]);
      if (separator.isEmpty()) {
        throw run.fail("empty separator");
      }
      parts = fromLeft ? split(text, separator.text(), most) : splitFromRight(text, separator.text(), most);
    }
    run.spend(parts.size());
    return Items.list(parts);
  }

  private static List<Value> split(Str text, String separator, int most) {
    List<Value> parts = new ArrayList<>();
    int from = 0;
    Needle needle = new Needle(separator);
    for (int at = needle.first(text.text(), 0); at >= 0 && parts.size() < most; at = needle.first(text.text(), from)) {
      parts.add(text.slice(from, at));
      from = at + separator.length();
    }
    parts.add(text.slice(from, text.chars()));
    return parts;
  }

  private static List<Value> splitFromRight(Str text, String separator, int most) {
    List<Value> parts = new ArrayList<>();
    int to = text.chars();
    String backwards = backwards(text.text());
    Needle needle = new Needle(backwards(separator));
    while (parts.size() < most) {
      int found = needle.first(backwards, text.chars() - to);
      if (found < 0) {
        break;
      }
      int at = text.chars() - found - separator.length();
      parts.add(text.slice(at + separator.length(), to));
      to = at;
    }
    parts.add(text.slice(0, to));
    Collections.reverse(parts);
    return parts;
  }

  /** Char by char: StringBuilder's would keep pairs of surrogates. */
  private static String backwards(String text) {
    char[] chars = new char[text.length()];
    for (int i = 0; i < chars.length; i++) {
      chars[chars.length - 1 - i] = text.charAt(i);
    }
    return new String(chars);
  }

  private static List<Value> words(Str text, int most) {
    String s = text.text();
    List<Value> parts = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < s.length() && Source.space(s.charAt(at))) {
        at++;
      }
      if (at == s.length()) {
        return parts;
      }
      if (parts.size() == most) {
        parts.add(text.slice(at, s.length()));
        return parts;
      }
      int from = at;
      while (at < s.length() && !Source.space(s.charAt(at))) {
        at++;
      }
      parts.add(text.slice(from, at));
    }
  }

  private static List<Value> wordsFromRight(Str text, int most) {
    String s = text.text();
    List<Value> parts = new ArrayList<>();
    int at = s.length();
    while (true) {
      while (at > 0 && Source.space(s.charAt(at - 1))) {
        at--;
      }
      if (at == 0 || parts.size() == most) {
        break;
      }
      int to = at;
      while (at > 0 && !Source.space(s.charAt(at - 1))) {
        at--;
      }
      parts.add(text.slice(at, to));
    }
    if (at > 0) {
      parts.add(text.slice(0, at));
    }
    Collections.reverse(parts);
    return parts;
  }

  static Value partition(Run run, Str text, Str separator, boolean first) {
    if (separator.isEmpty()) {
      throw run.fail("empty separator");
    }
    Needle needle = new Needle(separator.text());
    int at = first ? needle.first(text.text(), 0) : needle.last(text.text(), text.chars());
    if (at < 0) {
      return Items.tuple(first ? List.of(text, Str.EMPTY, Str.EMPTY) : List.of(Str.EMPTY, Str.EMPTY, text));
    }
    int behind = at + separator.chars();
    return Items.tuple(List.of(text.slice(0, at), text.slice(at, behind), text.slice(behind, text.chars())));
  }

  static List<Str> lines(Run run, Str text, boolean keepEnds) {
    String s = text.text();
    List<Str> lines = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < s.length(); i++) {
      if (breaksLine(s.charAt(i))) {
        int behind = s.startsWith("\r\n", i) ? i + 2 : i + 1;
        lines.add(text.slice(from, keepEnds ? behind : i));
        from = behind;
        i = behind - 1;
      }
    }
    if (from < s.length()) {
      lines.add(text.slice(from, s.length()));
    }
    run.spend(lines.size());
    return lines;
  }

  private static boolean breaksLine(char c) {
    return c >= 0x0a && c <= 0x0d || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029;
  }

  /** Replaces up to a number of parts, all of them if it is negative. */
  static Str replace(Run run, Str text, Str old, Str with, int count) {
    int most = count < 0 ? Integer.MAX_VALUE : count;
    StrBuilder out = new StrBuilder();
    int from = 0;
    Needle needle = new Needle(old.text());
    for (int at = needle.first(text.text(), 0), done = 0; at >= 0 && done < most; done++) {
      run.step();
      out.append(text, from, at).append(with);
      run.size(out.length());
      from = at + old.chars();
      int next = old.isEmpty() ? at < text.chars() ? at + Character.charCount(text.text().codePointAt(at)) : text.chars() + 1 : from;
      at = next > text.chars() ? -1 : needle.first(text.text(), next);
    }
    run.characters((long) out.length() + text.chars());
    return from == 0 && out.length() == 0 ? text : out.append(text, from, text.chars()).build();
  }
}
