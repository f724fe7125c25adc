package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Filters.Filter;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters that make a text of a text. What is no text is printed first. */
final class TextFilters {

  private TextFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("upper", text("upper", Casing::upper));
    filters.put("lower", text("lower", Casing::lower));
    filters.put("capitalize", text("capitalize", Casing::capitalize));
    filters.put("title", text("title", TextFilters::title));
    filters.put("trim", TextFilters::trim);
    filters.put("replace", TextFilters::replace);
    filters.put("indent", TextFilters::indent);
    filters.put("join", TextFilters::join);
    filters.put("format", (run, value, arguments) -> {
      if (!arguments.named().isEmpty()) {
        throw run.outside("the filter format with named arguments");
      }
      return Percent.format(run, Operators.plain(run, Values.text(run, value)), Items.tuple(arguments.positional()));
    });
    filters.put("center", (run, value, arguments) -> Trimming.pad(run, "center", Values.text(run, value),
        arguments.isEmpty() ? Arguments.of(Value.Int.of(80)) : Arguments.of(arguments.bind(run, "center", 1, "width")[0])));
  }

  private static Filter text(String name, UnaryOperator<Str> change) {
    return (run, value, arguments) -> {
      arguments.bind(run, name, 0);
      Str text = Values.text(run, value);
      run.characters(text.chars());
      return change.apply(text);
    };
  }

  /** Unlike the method: words begin behind white space, hyphens and opening brackets only. */
  private static Str title(Str text) {
    StrBuilder out = new StrBuilder();
    boolean begin = true;
    for (int i = 0; i < text.chars();) {
      int c = text.text().codePointAt(i);
      Str letter = text.slice(i, i + Character.charCount(c));
      out.append(begin ? Casing.upper(letter) : Casing.lower(letter));
      begin = Source.space(c) || "-({[<".indexOf(c) >= 0;
      i += Character.charCount(c);
    }
    return out.build();
  }

  private static Value trim(Run run, Value value, Arguments arguments) {
    Value chars = arguments.bind(run, "trim", 0, "chars")[0];
    return Trimming.strip(run, Values.text(run, value), Undefined.given(chars) && !(chars instanceof None)
        ? Values.string(run, "the argument of trim", chars) : None.NONE, true, true);
  }

  private static Value replace(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "replace", 2, "old", "new", "count");
    int count = Undefined.given(bound[2]) && !(bound[2] instanceof None) ? Values.index(run, "count", bound[2]) : -1;
    return Splitting.replace(run, Values.text(run, value), Values.text(run, bound[0]), Values.text(run, bound[1]), count);
  }

  private static Value indent(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "indent", 0, "width", "first", "blank");
    Str text = Values.string(run, "the value that indent takes", value);
    Str blanks = bound[0] instanceof Str given ? given
        : Str.literal(" ".repeat(Math.clamp(Undefined.given(bound[0]) ? Values.index(run, "width", bound[0]) : 4, 0, 10_000)));
    boolean first = Undefined.given(bound[1]) && Values.truth(bound[1]);
    boolean blank = Undefined.given(bound[2]) && Values.truth(bound[2]);
    StrBuilder out = new StrBuilder();
    List<Str> lines = Splitting.lines(run, new StrBuilder().append(text).append("\n").build(), false);
    for (int i = 0; i < lines.size(); i++) {
      if (i > 0) {
        out.append("\n");
      }
      if (i == 0 ? first : blank || !lines.get(i).isEmpty()) {
        out.append(blanks);
      }
      out.append(lines.get(i));
      run.size(out.length());
    }
    run.characters(out.length());
    return out.build();
  }

  private static Value join(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "join", 0, "d", "attribute");
    List<Value> parts = Values.elements(run, value);
    List<Value> texts = parts.stream().<Value>map(part -> {
      Value item = Undefined.given(bound[1]) && !(bound[1] instanceof None) ? AttributePath.get(run, part, bound[1]) : part;
      return Values.text(run, item);
    }).toList();
    return StringMethods.join(run, Undefined.given(bound[0]) ? Values.text(run, bound[0]) : Str.EMPTY, Items.list(texts));
  }
}
