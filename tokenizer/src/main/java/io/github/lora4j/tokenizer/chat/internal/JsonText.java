package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The filter tojson: Python's json.dumps, without escapes for HTML, keys in their order. */
final class JsonText {

  private static final String[] PARAMETERS = {"ensure_ascii", "indent", "separators", "sort_keys"};

  private final Run run;
  private final boolean ascii;
  private final boolean sorted;
  private final String indent;
  private final boolean lines;
  private final String itemSeparator;
  private final String keySeparator;
  private final StrBuilder out = new StrBuilder();

  private JsonText(Run run, Value[] options) {
    this.run = run;
    this.ascii = Undefined.given(options[0]) && Values.truth(options[0]);
    this.sorted = Undefined.given(options[3]) && Values.truth(options[3]);
    this.lines = Undefined.given(options[1]) && !(options[1] instanceof None);
    this.indent = !lines ? "" : options[1] instanceof Str text ? text.text()
        : " ".repeat(Math.clamp(Values.index(run, "indent", options[1]), 0, 1000));
    boolean given = Undefined.given(options[2]) && !(options[2] instanceof None);
    List<Value> separators = given ? Values.elements(run, options[2]) : List.of(Str.literal(lines ? "," : ", "), Str.literal(": "));
    if (separators.size() != 2) {
      throw run.fail("separators of tojson must be two texts");
    }
    this.itemSeparator = Values.string(run, "a separator", separators.get(0)).text();
    this.keySeparator = Values.string(run, "a separator", separators.get(1)).text();
  }

  static Value filter(Run run, Value value, Arguments arguments) {
    JsonText json = new JsonText(run, arguments.bind(run, "tojson", 0, PARAMETERS));
    json.add(value, Origin.LITERAL, 0);
    run.characters(json.out.length());
    return json.out.build();
  }

  private void add(Value value, Origin origin, int depth) {
    run.step();
    run.size(out.length());
    switch (value) {
      case Str text -> quoted(text);
      case Value.Bool flag -> out.append(flag.value() ? "true" : "false", origin, 0);
      case None _ -> out.append("null", origin, 0);
      case Value.Int number -> out.append(number.value().toString(), origin, 0);
      case Value.Real number -> out.append(real(number.value()), origin, 0);
      case Items items when items.kind() == Items.Kind.LIST || items.kind() == Items.Kind.TUPLE -> items(items, depth);
      case Dict dict -> dict(dict, depth);
      case Items _, Undefined _, Generator _, Namespace _, Callable _, Loop _ ->
          throw run.fail("Object of type " + Value.type(value) + " is not JSON serializable");
    }
  }

  private static String real(double number) {
    return Double.isNaN(number) ? "NaN" : Double.isInfinite(number) ? number > 0 ? "Infinity" : "-Infinity" : Numbers.text(number);
  }

  private void line(Origin origin, int depth) {
    if (lines) {
      run.size(out.length() + (long) indent.length() * depth);
      out.append("\n" + indent.repeat(depth), origin, 0);
    }
  }

  private void items(Items items, int depth) {
    out.append("[", items.origin(), 0);
    run.enter();
    for (int i = 0; i < items.values().size(); i++) {
      out.append(i > 0 ? itemSeparator : "", items.origin(), 0);
      line(items.origin(), depth + 1);
      add(items.values().get(i), items.origin(), depth + 1);
    }
    run.leave();
    if (!items.values().isEmpty()) {
      line(items.origin(), depth);
    }
    out.append("]", items.origin(), 0);
  }

  private void dict(Dict dict, int depth) {
    Origin origin = dict.origin();
    out.append("{", origin, 0);
    run.enter();
    List<Map.Entry<Value, Value>> entries = new ArrayList<>(dict.entries().entrySet());
    if (sorted) {
      entries.sort((a, b) -> Equality.compare(run, "<", a.getKey(), b.getKey()));
    }
    for (int i = 0; i < entries.size(); i++) {
      out.append(i > 0 ? itemSeparator : "", origin, 0);
      line(origin, depth + 1);
      key(entries.get(i).getKey(), origin);
      out.append(keySeparator, origin, 0);
      add(entries.get(i).getValue(), origin, depth + 1);
    }
    run.leave();
    if (!entries.isEmpty()) {
      line(origin, depth);
    }
    out.append("}", origin, 0);
  }

  private void key(Value key, Origin origin) {
    switch (key) {
      case Str text -> quoted(text);
      case Value.Bool flag -> out.append(flag.value() ? "\"true\"" : "\"false\"", origin, 0);
      case None _ -> out.append("\"null\"", origin, 0);
      case Value.Int number -> out.append("\"" + number.value() + "\"", origin, 0);
      case Value.Real number -> out.append("\"" + real(number.value()) + "\"", origin, 0);
      case Items _, Dict _, Undefined _, Generator _, Namespace _, Callable _, Loop _ ->
          throw run.fail("keys must be str, int, float, bool or None, not " + Value.type(key));
    }
  }

  private void quoted(Str text) {
    run.characters(text.chars());
    Origin first = text.origin();
    out.append("\"", first, 0);
    String s = text.text();
    int from = 0;
    for (int i = 0; i < s.length(); i++) {
      String escape = escape(s.charAt(i));
      if (!escape.isEmpty()) {
        out.append(text, from, i).append(escape, text, i);
        from = i + 1;
      }
    }
    out.append(text, from, s.length()).append("\"", first, 0);
  }

  private String escape(char c) {
    return switch (c) {
      case '"' -> "\\\"";
      case '\\' -> "\\\\";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\f' -> "\\f";
      case '\b' -> "\\b";
      default -> c < 0x20 || ascii && c > 0x7e ? "\\u%04x".formatted((int) c) : "";
    };
  }
}
