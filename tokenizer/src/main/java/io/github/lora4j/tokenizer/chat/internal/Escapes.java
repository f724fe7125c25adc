package io.github.lora4j.tokenizer.chat.internal;

/** Escapes of string literals, Python's. */
final class Escapes {

  private Escapes() {}

  static String unescape(Source source, int line, String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) != '\\' || i + 1 == text.length()) {
        out.append(text.charAt(i));
        continue;
      }
      char c = text.charAt(++i);
      int digits = switch (c) {
        case 'x' -> 2;
        case 'u' -> 4;
        case 'U' -> 8;
        default -> 0;
      };
      if (digits > 0) {
        out.appendCodePoint(code(source, line, text, i + 1, digits));
        i += digits;
      } else if (c >= '0' && c <= '7') {
        int end = i + 1;
        while (end < Math.min(text.length(), i + 3) && text.charAt(end) >= '0' && text.charAt(end) <= '7') {
          end++;
        }
        out.appendCodePoint(Integer.parseInt(text.substring(i, end), 8));
        i = end - 1;
      } else if (c == 'N') {
        throw source.broken(line, "the escape \\N is outside the subset of Jinja that is supported");
      } else {
        out.append(simple(c));
      }
    }
    return out.toString();
  }

  private static String simple(char c) {
    return switch (c) {
      case '\n' -> "";
      case '\\', '\'', '"' -> String.valueOf(c);
      case 'a' -> "\u0007";
      case 'b' -> "\b";
      case 'f' -> "\f";
      case 'n' -> "\n";
      case 'r' -> "\r";
      case 't' -> "\t";
      case 'v' -> "\u000b";
      default -> "\\" + c;
    };
  }

  private static int code(Source source, int line, String text, int from, int digits) {
    String hex = text.substring(from, Math.min(text.length(), from + digits));
    if (hex.length() < digits || !hex.chars().allMatch(c -> Character.digit(c, 16) >= 0 && c < 0x80) || Long.parseLong(hex, 16) > 0x10FFFF) {
      throw source.broken(line, "a string has the escape \\" + text.charAt(from - 1) + hex + ", expected " + digits + " hexadecimal digits");
    }
    int code = Integer.parseInt(hex, 16);
    if (code >= Character.MIN_SURROGATE && code <= Character.MAX_SURROGATE) {
      String escape = "\\" + text.charAt(from - 1) + hex;
      throw source.broken(line, "the escape of half a character, " + escape + ", is outside the subset of Jinja that is supported");
    }
    return code;
  }
}
