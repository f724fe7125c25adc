package io.github.lora4j.tokenizer.chat.internal;

/**
 * A word of a template.
 *
 * @param kind what it is
 * @param text its characters; of a string those that it stands for
 * @param line where it begins
 */
record Token(Kind kind, String text, int line) {

  /** Kinds of tokens. */
  enum Kind { DATA, PRINT, PRINT_END, BLOCK, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR, END }

  boolean is(Kind other, String otherText) {
    return kind == other && text.equals(otherText);
  }

  /** As errors show it. */
  String shown() {
    return switch (kind) {
      case END -> "the end of the template";
      case STRING -> "the string '" + (text.length() > 40 ? text.substring(0, 40) + "..." : text) + "'";
      case PRINT, PRINT_END, BLOCK, BLOCK_END, NAME, INTEGER, FLOAT, OPERATOR -> "'" + text + "'";
      case DATA -> "text";
    };
  }
}
