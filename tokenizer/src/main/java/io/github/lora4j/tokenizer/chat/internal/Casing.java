package io.github.lora4j.tokenizer.chat.internal;

import java.util.Locale;
import java.util.function.IntPredicate;

/** Upper and lower case, Python's. */
final class Casing {

  private Casing() {}

  static Str upper(Str text) {
    return mapped(text, text.text().toUpperCase(Locale.ROOT), true);
  }

  static Str lower(Str text) {
    return mapped(text, text.text().toLowerCase(Locale.ROOT), false);
  }

  /** The origins of a text whose case was changed: char by char where the lengths allow it. */
  private static Str mapped(Str text, String mapped, boolean upper) {
    if (mapped.equals(text.text())) {
      return text.asPlain();
    }
    StrBuilder out = new StrBuilder();
    if (mapped.length() == text.chars()) {
      for (int run = 0; run < text.runs(); run++) {
        out.append(mapped.substring(text.start(run), text.end(run)), text.origin(run), text.offset(run));
      }
      return out.build();
    }
    for (int i = 0; i < text.chars();) {
      String letter = Character.toString(text.text().codePointAt(i));
      out.append(upper ? letter.toUpperCase(Locale.ROOT) : letter.toLowerCase(Locale.ROOT), text, i);
      i += letter.length();
    }
    Str result = out.build();
    return result.text().equals(mapped) ? result : new StrBuilder().append(mapped, text, 0).build();
  }

  static Str capitalize(Str text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.text().codePointAt(0));
    return new StrBuilder().append(titled(text.text().codePointAt(0)), text, 0).append(lower(text.slice(first, text.chars()))).build();
  }

  private static String titled(int c) {
    String upper = Character.toString(c).toUpperCase(Locale.ROOT);
    if (upper.length() == Character.charCount(c)) {
      return Character.toString(Character.toTitleCase(c));
    }
    int first = 0;
    while (first < upper.length() - 1 && !hasCase(upper.charAt(first))) {
      first++;
    }
    return upper.substring(0, first + 1) + upper.substring(first + 1).toLowerCase(Locale.ROOT);
  }

  /** Each letter behind one that has no case in upper case, the others in lower case. */
  static Str title(Str text) {
    StrBuilder out = new StrBuilder();
    boolean inside = false;
    for (int i = 0; i < text.chars();) {
      int c = text.text().codePointAt(i);
      out.append(inside ? lower(text.text(), i) : titled(c), text, i);
      inside = hasCase(c);
      i += Character.charCount(c);
    }
    return out.build();
  }

  /** One letter in lower case: a sigma that ends a word has a form of its own. */
  private static String lower(String text, int index) {
    if (text.charAt(index) != '\u03a3') {
      return Character.toString(text.codePointAt(index)).toLowerCase(Locale.ROOT);
    }
    boolean inside = index + 1 < text.length() && hasCase(text.codePointAt(index + 1));
    return index > 0 && hasCase(text.codePointBefore(index)) && !inside ? "\u03c2" : "\u03c3";
  }

  static Str swap(Str text) {
    StrBuilder out = new StrBuilder();
    for (int i = 0; i < text.chars();) {
      int c = text.text().codePointAt(i);
      String letter = Character.toString(c);
      out.append(Character.isUpperCase(c) ? lower(text.text(), i) : Character.isLowerCase(c) ? letter.toUpperCase(Locale.ROOT) : letter,
          text, i);
      i += Character.charCount(c);
    }
    return out.build();
  }

  static boolean hasCase(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  /** Whether a text has letters with case and none of them is wrong. */
  static boolean cased(String text, IntPredicate wrong) {
    return text.codePoints().anyMatch(Casing::hasCase) && text.codePoints().noneMatch(c -> wrong.test(c) || Character.isTitleCase(c));
  }

  static boolean isTitle(String text) {
    boolean inside = false;
    boolean any = false;
    for (int c : text.codePoints().toArray()) {
      boolean first = Character.isUpperCase(c) || Character.isTitleCase(c);
      if (first && inside || Character.isLowerCase(c) && !inside) {
        return false;
      }
      inside = hasCase(c);
      any |= inside;
    }
    return any;
  }

  static boolean numeric(int c) {
    return Character.getType(c) == Character.OTHER_NUMBER || Character.getType(c) == Character.LETTER_NUMBER;
  }

  /** Digits that are no decimals: superscripts, circled ones. */
  static boolean otherDigit(int c) {
    return c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070 || c >= 0x2074 && c <= 0x2079 || c >= 0x2080 && c <= 0x2089
        || c >= 0x2460 && c <= 0x2468;
  }
}
