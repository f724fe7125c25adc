package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.vector.FormatException;

/** A template's text with line breaks made equal, and where its lines are. */
final class Source {

  private final String name;
  private final String text;

  Source(String name, String text) {
    this.name = name;
    String lines = text.indexOf('\r') < 0 ? text : text.replace("\r\n", "\n").replace('\r', '\n');
    this.text = lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
  }

  String name() {
    return name;
  }

  String text() {
    return text;
  }

  int line(int index) {
    int line = 1;
    for (int i = text.indexOf('\n'); i >= 0 && i < index; i = text.indexOf('\n', i + 1)) {
      line++;
    }
    return line;
  }

  /** Index of the first char that is no white space. */
  int skipSpace(int from) {
    int i = from;
    while (i < text.length() && space(text.charAt(i))) {
      i++;
    }
    return i;
  }

  /** What Python's regular expressions and strip() take for white space. */
  static boolean space(int c) {
    return c <= ' ' ? c == ' ' || c >= 0x09 && c <= 0x0d || c >= 0x1c && c <= 0x1f
        : c == 0x85 || c == 0xa0 || c >= 0x1680 && Character.isSpaceChar(c);
  }

  FormatException broken(int line, String problem) {
    return new FormatException("%s, line %d: %s".formatted(name, line, problem));
  }
}
