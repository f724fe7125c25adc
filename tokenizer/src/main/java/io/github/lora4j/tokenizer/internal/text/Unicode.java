package io.github.lora4j.tokenizer.internal.text;

/** The character classes of Hugging Face's tokenizers. */
public final class Unicode {

  private Unicode() {}

  /** Unicode's White_Space property. */
  public static boolean isWhitespace(int c) {
    return c == ' ' || c >= 9 && c <= 13 || c == 0x85 || c == 0xA0 || c > 0xA0 && switch (Character.getType(c)) {
      case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
      default -> false;
    };
  }

  /** What the normaliser's clean_text drops: control, format and private characters, U+FFFD. */
  public static boolean isControl(int c) {
    return UnicodeTables.CONTROL.get(c);
  }

  /** ASCII symbols and Unicode's P categories; each is a word of its own. */
  public static boolean isPunctuation(int c) {
    return UnicodeTables.PUNCTUATION.get(c);
  }

  /** Accents and other marks that strip_accents drops. */
  public static boolean isNonSpacingMark(int c) {
    return UnicodeTables.NON_SPACING_MARK.get(c);
  }

  /** The categories L, {@code \p{L}} of the regular expression of byte-level tokenizers. */
  public static boolean isLetter(int c) {
    return UnicodeTables.LETTER.get(c);
  }

  /** The categories N, its {@code \p{N}}. */
  public static boolean isNumber(int c) {
    return UnicodeTables.NUMBER.get(c);
  }

  /** Whether the canonical decomposition that Java knows is known to the original, too. */
  public static boolean isDecomposed(int c) {
    return !UnicodeTables.NOT_DECOMPOSED.get(c);
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

  /** A word character of regular expressions (\w), by which single_word tokens are told. */
  public static boolean isWord(int c) {
    return Character.isAlphabetic(c) || c == 0x200C || c == 0x200D || switch (Character.getType(c)) {
      case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK, Character.DECIMAL_DIGIT_NUMBER,
          Character.CONNECTOR_PUNCTUATION -> true;
      default -> false;
    };
  }
}
