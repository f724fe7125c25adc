package io.github.lora4j.tokenizer.internal.text;

import java.util.BitSet;
import java.util.Map;

/** The character classes of Hugging Face's tokenizers. */
public final class Unicode {

  private static final CodePoints LETTER = category("L");
  private static final CodePoints NUMBER = category("N");
  private static final CodePoints MARK = CodePoints.of(UnicodeData.set("Mark9"));
  private static final CodePoints WORD = word();
  private static final CodePoints NO_SCRIPT = CodePoints.of(UnicodeData.set("NoScript"));
  private static final CodePoints WHOLE = CodePoints.of(UnicodeData.set("Whole"));
  private static final CodePoints WHOLE_FOR_COMPATIBILITY = CodePoints.of(UnicodeData.set("WholeForCompatibility"));
  private static final Map<Integer, Integer> CLASSES = UnicodeData.combiningClasses();
  private static final CodePoints COMBINING;

  static {
    BitSet combining = new BitSet();
    CLASSES.keySet().forEach(combining::set);
    COMBINING = CodePoints.of(combining);
  }

  private Unicode() {}

  private static CodePoints category(String name) {
    return CodePoints.of(UnicodeData.category(name).orElseThrow());
  }

  /** Unicode's White_Space property. */
  public static boolean isWhitespace(int c) {
    return c == ' ' || c >= 9 && c <= 13 || c == 0x85 || c == 0xA0 || c > 0xA0 && switch (Character.getType(c)) {
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
      default -> false;
    };
  }

  /** What the normaliser's clean_text drops: control, format and private characters, U+FFFD. */
  public static boolean isControl(int c) {
    return UnicodeTables.CONTROL.has(c);
  }

  /** ASCII symbols and Unicode's P categories; each is a word of its own. */
  public static boolean isPunctuation(int c) {
    return UnicodeTables.PUNCTUATION.has(c);
  }

  /** Accents and other marks that strip_accents drops. */
  public static boolean isNonSpacingMark(int c) {
    return UnicodeTables.NON_SPACING_MARK.has(c);
  }

  /** The categories L, {@code \p{L}} of the regular expression of byte-level tokenizers. */
  public static boolean isLetter(int c) {
    return LETTER.has(c);
  }

  /** The categories N, its {@code \p{N}}. */
  public static boolean isNumber(int c) {
    return NUMBER.has(c);
  }

  /** The categories M of Unicode 9, which the normalizer StripAccents drops. */
  public static boolean isMark(int c) {
    return MARK.has(c);
  }

  /** Whether the pre-tokenizer UnicodeScripts knows the code point's script. */
  public static boolean hasScript(int c) {
    return !NO_SCRIPT.has(c);
  }

  /** Whether what Java decomposes canonically was whole in Unicode 9. */
  public static boolean isWhole(int c) {
    return WHOLE.has(c);
  }

  /** Whether what Java decomposes for compatibility was whole in Unicode 9. */
  public static boolean isWholeForCompatibility(int c) {
    return WHOLE_FOR_COMPATIBILITY.has(c);
  }

  /** The canonical combining class of Unicode 9; 0 for most. */
  public static int combiningClass(int c) {
    return COMBINING.has(c) ? CLASSES.getOrDefault(c, 0) : 0;
  }

  /** Lower case of one code point without regard to its neighbours; of U+0130 the first of two. */
  public static int lower(int c) {
    if (c == 0x130) {
      return 'i';
    }
    // Letters of Unicode 17, which the original has and JDK 25 has not.
    if (c == 0xA7CE || c == 0xA7D2 || c == 0xA7D4) {
      return c + 1;
    }
    return c >= 0x16EA0 && c <= 0x16EB8 ? c + 0x1B : Character.toLowerCase(c);
  }

  /** Rust's is_numeric, of a newer Unicode. */
  public static boolean isNumeric(int c) {
    return NUMBER.has(c) || c >= 0x11DE0 && c <= 0x11DE9 || c >= 0x16FF4 && c <= 0x16FF6;
  }

  /** The CJK ideographs that handle_chinese_chars makes words of their own, as BERT's authors chose them. */
  public static boolean isChinese(int c) {
    return c >= 0x4E00 && c <= 0x9FFF
        || c >= 0x3400 && c <= 0x4DBF
        || c >= 0x20000 && c <= 0x2A6DF
        || c >= 0x2A700 && c <= 0x2B73F
        || c >= 0x2B740 && c <= 0x2B81F
        || c >= 0x2B920 && c <= 0x2CEAF
        || c >= 0xF900 && c <= 0xFAFF
        || c >= 0x2F800 && c <= 0x2FA1F;
  }

  /** A word character of Rust's regular expressions (\w), by which single_word tokens are told. */
  public static boolean isWord(int c) {
    return WORD.has(c);
  }

  private static CodePoints word() {
    BitSet set = UnicodeData.alphabetic();
    for (String category : new String[] {"M", "Nd", "Pc"}) {
      set.or(UnicodeData.category(category).orElseThrow());
    }
    // Joiners.
    set.set(0x200C, 0x200E);
    return CodePoints.of(set);
  }
}
