package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Cuts a template into tokens, with {@code trim_blocks} and {@code lstrip_blocks}: the line break right behind a block or comment goes, and so do
 * blanks before one that comes first on its line; a minus strips all white space on its side, a plus none.
 */
final class Lexer {

  private static final List<String> OPERATORS = List.of("//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
      "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final Source source;
  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted;
  private boolean lineStart = true;

  private Lexer(Source source) {
    this.source = source;
    this.text = source.text();
  }

  static List<Token> tokens(Source source) {
    Lexer lexer = new Lexer(source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < text.length()) {
      int open = opening(at);
      if (open < 0) {
        data(text.substring(at));
        at = text.length();
        break;
      }
      char kind = text.charAt(open + 1);
      char sign = open + 2 < text.length() ? text.charAt(open + 2) : ' ';
      data(before(open, kind, sign));
      at = open + (sign == '-' || sign == '+' ? 3 : 2);
      if (kind == '#') {
        comment(open);
      } else if (kind == '%' && word(source.skipSpace(at), "raw")) {
        raw(open);
      } else {
        tag(kind == '%', open);
      }
    }
    add(Kind.END, "", text.length());
  }

  private int opening(int from) {
    for (int i = text.indexOf('{', from); i >= 0 && i + 1 < text.length(); i = text.indexOf('{', i + 1)) {
      char next = text.charAt(i + 1);
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return -1;
  }

  /** The text before a tag, stripped as the tag wants it. */
  private String before(int open, char kind, char sign) {
    String data = text.substring(at, open);
    if (sign == '-') {
      int end = data.length();
      while (end > 0 && Source.space(data.charAt(end - 1))) {
        end--;
      }
      return data.substring(0, end);
    }
    int begin = data.lastIndexOf('\n') + 1;
    boolean first = begin > 0 || lineStart;
    return sign != '+' && kind != '{' && first && data.substring(begin).chars().allMatch(Source::space) ? data.substring(0, begin) : data;
  }

  private void data(String data) {
    if (!data.isEmpty()) {
      add(Kind.DATA, data, at);
    }
  }

  private boolean word(int from, String word) {
    int end = from + word.length();
    return text.startsWith(word, from) && (end >= text.length() || !Character.isJavaIdentifierPart(text.charAt(end)));
  }

  private void comment(int open) {
    int close = text.indexOf("#}", at);
    if (close < 0) {
      throw source.broken(source.line(open), "a comment is not closed by #}");
    }
    char sign = close > at ? text.charAt(close - 1) : ' ';
    at = close + 2;
    closed(sign, true);
  }

  /** Behind a tag's end: what its sign and trim_blocks take away. */
  private void closed(char sign, boolean block) {
    if (sign == '-') {
      at = source.skipSpace(at);
    } else if (block && sign != '+' && text.startsWith("\n", at)) {
      at++;
    }
    lineStart = text.charAt(at - 1) == '\n';
  }

  private void raw(int open) {
    int behind = source.skipSpace(source.skipSpace(at) + 3);
    boolean strip = text.startsWith("-%}", behind);
    if (!strip && !text.startsWith("%}", behind)) {
      throw source.broken(source.line(open), "raw takes nothing but its end, %}");
    }
    at = strip ? source.skipSpace(behind + 3) : behind + 2;
    lineStart = text.charAt(at - 1) == '\n';
    for (int i = text.indexOf("{%", at); i >= 0; i = text.indexOf("{%", i + 1)) {
      char sign = i + 2 < text.length() ? text.charAt(i + 2) : ' ';
      int name = source.skipSpace(sign == '-' || sign == '+' ? i + 3 : i + 2);
      if (word(name, "endraw")) {
        int end = source.skipSpace(name + 6);
        char closing = end < text.length() && text.charAt(end) != '%' ? text.charAt(end) : ' ';
        end += closing == ' ' ? 0 : 1;
        if (text.startsWith("%}", end)) {
          data(before(i, '%', sign));
          at = end + 2;
          closed(closing, true);
          return;
        }
      }
    }
    throw source.broken(source.line(open), "raw is not closed by {% endraw %}");
  }

  private void tag(boolean block, int open) {
    add(block ? Kind.BLOCK : Kind.PRINT, block ? "{%" : "{{", open);
    String end = block ? "%}" : "}}";
    Deque<Character> brackets = new ArrayDeque<>();
    while (true) {
      at = source.skipSpace(at);
      if (at >= text.length()) {
        throw source.broken(source.line(open), (block ? "a block" : "an expression") + " is not closed by " + end);
      }
      char sign = text.charAt(at);
      boolean signed = sign == '-' || block && sign == '+';
      if (brackets.isEmpty() && text.startsWith(end, signed ? at + 1 : at)) {
        add(block ? Kind.BLOCK_END : Kind.PRINT_END, end, at);
        at += signed ? 3 : 2;
        closed(signed ? sign : ' ', block);
        return;
      }
      word(brackets);
    }
  }

  private void word(Deque<Character> brackets) {
    int start = at;
    char c = text.charAt(at);
    if (c >= '0' && c <= '9') {
      number();
    } else if (c == '_' || Character.isLetter(text.codePointAt(at))) {
      while (at < text.length() && (text.charAt(at) == '_' || Character.isLetterOrDigit(text.codePointAt(at)))) {
        at += Character.charCount(text.codePointAt(at));
      }
      add(Kind.NAME, text.substring(start, at), start);
    } else if (c == '\'' || c == '"') {
      string(c);
    } else {
      operator(brackets);
    }
  }

  private void number() {
    NumberWord word = NumberWord.at(text, at, !tokens.getLast().is(Kind.OPERATOR, ".") || text.charAt(at - 1) != '.');
    add(word.real() ? Kind.FLOAT : Kind.INTEGER, word.text(), at);
    at = word.end();
  }

  private void string(char quote) {
    int end = at + 1;
    while (end < text.length() && text.charAt(end) != quote) {
      end += text.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= text.length()) {
      throw source.broken(source.line(at), "a string is not closed by " + quote);
    }
    add(Kind.STRING, Escapes.unescape(source, source.line(at), text.substring(at + 1, end)), at);
    at = end + 1;
  }

  private void operator(Deque<Character> brackets) {
    String operator = OPERATORS.stream().filter(op -> text.startsWith(op, at)).findFirst()
        .orElseThrow(() -> source.broken(source.line(at), "unexpected character '" + Character.toString(text.codePointAt(at)) + "'"));
    char c = operator.charAt(0);
    switch (c) {
      case '(' -> brackets.push(')');
      case '[' -> brackets.push(']');
      case '{' -> brackets.push('}');
      case ')', ']', '}' -> {
        if (brackets.isEmpty() || brackets.pop() != c) {
          throw source.broken(source.line(at), "unexpected '" + c + "'");
        }
      }
      default -> { }
    }
    add(Kind.OPERATOR, operator, at);
    at += operator.length();
  }

  private void add(Kind kind, String word, int index) {
    for (; counted < index; counted++) {
      line += text.charAt(counted) == '\n' ? 1 : 0;
    }
    tokens.add(new Token(kind, word, line));
  }
}
