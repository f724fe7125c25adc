package io.github.lora4j.lora.internal;

import java.math.BigDecimal;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes JSON byte for byte as Python's {@code json.dumps(…, indent=2, sort_keys=True)} does, so a file of ours diffs cleanly with
 * PEFT's.
 */
public final class PythonJson {

  private PythonJson() {}

  /** The text of a map, list, string, number, boolean or null. */
  public static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, "\n", out);
    return out.toString();
  }

  private static void write(Object value, String newline, StringBuilder out) {
    switch (value) {
      case null -> out.append("null");
      case Map<?, ?> map -> {
        Map<String, Object> sorted = new TreeMap<>();
        map.forEach((key, v) -> sorted.put(String.valueOf(key), v));
        Iterator<Map.Entry<String, Object>> entries = sorted.entrySet().iterator();
        nested(out, '{', '}', newline, entries, entry -> {
          string(entry.getKey(), out);
          out.append(": ");
          write(entry.getValue(), newline + "  ", out);
        });
      }
      case List<?> list -> nested(out, '[', ']', newline, list.iterator(), item -> write(item, newline + "  ", out));
      case Double d -> out.append(number(d));
      case Number n -> out.append(n);
      case Boolean b -> out.append(b);
      default -> string(value.toString(), out);
    }
  }

  private static <T> void nested(StringBuilder out, char open, char close, String newline, Iterator<T> items,
      java.util.function.Consumer<T> each) {
    out.append(open);
    if (items.hasNext()) {
      for (String separator = ""; items.hasNext(); separator = ",") {
        out.append(separator).append(newline).append("  ");
        each.accept(items.next());
      }
      out.append(newline);
    }
    out.append(close);
  }

  /** Python's repr of a float: the same digits as Java's, but plain from 1e-4 up to 1e16 and an exponent of at least two digits beyond. */
  private static String number(double d) {
    double size = Math.abs(d);
    if (size != 0 && (size < 1e-4 || size >= 1e16)) {
      return exponent(d);
    }
    String plain = size == 0 ? Double.toString(d) : new BigDecimal(Double.toString(d)).stripTrailingZeros().toPlainString();
    return plain.contains(".") ? plain : plain + ".0";
  }

  private static String exponent(double d) {
    String text = Double.toString(d);
    int e = text.indexOf('E');
    String digits = text.substring(0, e);
    int power = Integer.parseInt(text.substring(e + 1));
    return (digits.endsWith(".0") ? digits.substring(0, digits.length() - 2) : digits)
        + (power < 0 ? "e-" : "e+") + (Math.abs(power) < 10 ? "0" : "") + Math.abs(power);
  }

  private static void string(String s, StringBuilder out) {
    out.append('"');
    for (char c : s.toCharArray()) {
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> out.append(c < 0x20 || c > 0x7e ? "\\u%04x".formatted((int) c) : String.valueOf(c));
      }
    }
    out.append('"');
  }
}
