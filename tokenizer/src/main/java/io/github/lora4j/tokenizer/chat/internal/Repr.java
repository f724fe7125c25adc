package io.github.lora4j.tokenizer.chat.internal;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/** Python's repr() of values: how lists and dicts print. */
final class Repr {

  private final Run run;
  private final StrBuilder out = new StrBuilder();

  private Repr(Run run) {
    this.run = run;
  }

  static Str of(Run run, Value value) {
    Repr repr = new Repr(run);
    repr.add(value, Origin.LITERAL);
    return repr.out.build();
  }

  private void add(Value value, Origin origin) {
    run.step();
    run.size(out.length());
    switch (value) {
      case Str text -> quoted(text);
      case Items items -> items(items);
      case Dict dict -> dict(dict);
      case Undefined _ -> out.append("Undefined", origin, 0);
      case Value.Int _, Value.Real _, Value.Bool _, Value.None _ -> out.append(Values.text(run, value).text(), origin, 0);
      case Generator _, Namespace _, Callable _, Loop _ -> throw run.outside("printing a " + Value.type(value));
    }
  }

  private void items(Items items) {
    List<Value> values = items.values();
    Origin origin = items.origin();
    if (items.kind() == Items.Kind.RANGE) {
      range(values);
      return;
    }
    boolean tuple = items.kind() == Items.Kind.TUPLE;
    boolean view = !items.kind().indexed();
    out.append((view ? items.kind().python() + "(" : "") + (tuple ? "(" : "["), origin, 0);
    run.enter();
    for (int i = 0; i < values.size(); i++) {
      out.append(i > 0 ? ", " : "", origin, 0);
      add(values.get(i), origin);
    }
    run.leave();
    out.append((tuple ? values.size() == 1 ? ",)" : ")" : "]") + (view ? ")" : ""), origin, 0);
  }

  private void range(List<Value> values) {
    if (values.size() < 2) {
      throw run.outside("printing a range of fewer than two numbers");
    }
    BigInteger first = Numbers.whole(values.getFirst());
    BigInteger step = Numbers.whole(values.get(1)).subtract(first);
    if (!step.equals(BigInteger.ONE)) {
      throw run.outside("printing a range with a step");
    }
    out.append("range(" + first + ", " + Numbers.whole(values.getLast()).add(step) + ")");
  }

  private void dict(Dict dict) {
    Origin origin = dict.origin();
    out.append("{", origin, 0);
    run.enter();
    boolean more = false;
    for (Map.Entry<Value, Value> entry : dict.entries().entrySet()) {
      out.append(more ? ", " : "", origin, 0);
      add(entry.getKey(), origin);
      out.append(": ", origin, 0);
      add(entry.getValue(), origin);
      more = true;
    }
    run.leave();
    out.append("}", origin, 0);
  }

  private void quoted(Str str) {
    String text = str.text();
    run.characters(text.length());
    if (str.safe()) {
      throw run.outside("printing a list of texts marked safe");
    }
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(String.valueOf(quote));
    for (int i = 0; i < text.length();) {
      int c = text.codePointAt(i);
      String escape = escape(c, quote);
      if (escape.isEmpty()) {
        out.append(str, i, i + Character.charCount(c));
      } else {
        out.append(escape, str, i);
      }
      i += Character.charCount(c);
    }
    out.append(String.valueOf(quote));
  }

  private static String escape(int c, char quote) {
    return switch (c) {
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\\' -> "\\\\";
      default -> c == quote ? "\\" + quote : printable(c) ? "" : code(c);
    };
  }

  private static String code(int c) {
    return c < 0x100 ? "\\x%02x".formatted(c) : c < 0x10000 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c);
  }

  /** Python's isprintable(): separators other than the blank and what is not assigned are escaped. */
  static boolean printable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
          Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }
}
