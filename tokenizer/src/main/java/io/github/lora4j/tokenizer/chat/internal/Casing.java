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
    return upper.length() > Character.charCount(c)
        ? upper.substring(0, upper.offsetByCodePoints(0, 1)) + upper.substring(upper.offsetByCodePoints(0, 1)).toLowerCase(Locale.ROOT)
        : Character.toString(Character.toTitleCase(c));
  }

  /** Each letter behind one that has no case in upper case, the others in lower case. */
  static Str title(Str text) {
    StrBuilder out = new StrBuilder();
    boolean inside = false;
    for (int i = 0; i < text.chars();) {
      int c = text.text().codePointAt(i);
      out.append(inside ? Character.toString(c).toLowerCase(Locale.ROOT) : titled(c), text, i);
      inside = hasCase(c);
      i += Character.charCount(c);
    }
    return out.build();
  }

  static Str swap(Str text) {
    StrBuilder out = new StrBuilder();
    for (int i = 0; i < text.chars();) {
      int c = text.text().codePointAt(i);
      String letter = Character.toString(c);
      out.append(Character.isUpperCase(c) ? letter.toLowerCase(Locale.ROOT) : Character.isLowerCase(c) ? letter.toUpperCase(Locale.ROOT) : letter,
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
