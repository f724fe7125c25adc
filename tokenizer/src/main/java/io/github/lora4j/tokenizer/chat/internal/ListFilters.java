package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Filters.Filter;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Filters over lists and dicts as a whole. */
final class ListFilters {

  private ListFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("list", (run, value, arguments) -> {
      arguments.bind(run, "list", 0);
      return Items.list(Values.elements(run, value));
    });
    filters.put("items", ListFilters::items);
    filters.put("dictsort", ListFilters::dictsort);
    filters.put("sort", ListFilters::sort);
    filters.put("unique", ListFilters::unique);
    filters.put("first", ListFilters::first);
    filters.put("last", ListFilters::last);
    filters.put("reverse", ListFilters::reverse);
    filters.put("min", (run, value, arguments) -> extreme(run, "min", value, arguments, -1));
    filters.put("max", (run, value, arguments) -> extreme(run, "max", value, arguments, 1));
    filters.put("sum", ListFilters::sum);
  }

  private static boolean flag(Value value) {
    return Undefined.given(value) && Values.truth(value);
  }

  private static Value items(Run run, Value value, Arguments arguments) {
    arguments.bind(run, "items", 0);
    if (value instanceof Undefined) {
      return new Generator(List.of());
    }
    if (value instanceof Dict dict) {
      return new Generator(Methods.pairs(run, dict));
    }
    throw run.fail("Can only get item pairs from a mapping.");
  }

  private static Value dictsort(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "dictsort", 0, "case_sensitive", "by", "reverse");
    if (!(value instanceof Dict dict)) {
      throw run.fail("dictsort needs a dict, not a " + Value.type(value));
    }
    String by = Undefined.given(bound[1]) ? Values.string(run, "by", bound[1]).text() : "key";
    if (!by.equals("key") && !by.equals("value")) {
      throw run.fail("You can only sort by either \"key\" or \"value\"");
    }
    Value part = Int.of(by.equals("key") ? 0 : 1);
    return Items.list(sorted(run, Methods.pairs(run, dict), pair -> AttributePath.key(run, pair, part, flag(bound[0])), flag(bound[2])));
  }

  private interface Key {
    Value of(Value value);
  }

  private static List<Value> sorted(Run run, List<Value> values, Key key, boolean reverse) {
    record Keyed(Value key, Value value) {}
    List<Keyed> keyed = new ArrayList<>(values.size());
    for (Value value : values) {
      Value by = key.of(value);
      if (by instanceof Value.Real number && Double.isNaN(number.value())) {
        throw run.outside("sorting NaNs");
      }
      keyed.add(new Keyed(by, value));
    }
    Comparator<Keyed> order = (a, b) -> Equality.compare(run, "<", a.key(), b.key());
    keyed.sort(reverse ? order.reversed() : order);
    return keyed.stream().map(Keyed::value).toList();
  }

  private static Value sort(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "sort", 0, "reverse", "case_sensitive", "attribute");
    if (bound[2] instanceof Str path && path.text().contains(",")) {
      throw run.outside("sorting by several attributes");
    }
    return Items.list(sorted(run, Values.elements(run, value), item -> AttributePath.key(run, item, bound[2], flag(bound[1])), flag(bound[0])));
  }

  private static Value unique(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "unique", 0, "case_sensitive", "attribute");
    Set<Value> seen = new HashSet<>();
    List<Value> unique = new ArrayList<>();
    for (Value item : Values.elements(run, value)) {
      if (seen.add(Values.key(run, AttributePath.key(run, item, bound[1], flag(bound[0]))))) {
        unique.add(item);
      }
    }
    return new Generator(unique);
  }

  private static Value first(Run run, Value value, Arguments arguments) {
    arguments.bind(run, "first", 0);
    Undefined none = new Undefined("No first item, sequence was empty.");
    if (value instanceof Generator generator) {
      return generator.hasNext() ? generator.next() : none;
    }
    if (value instanceof Str text) {
      return text.isEmpty() ? none : text.part(0, 1);
    }
    List<Value> elements = Values.elements(run, value);
    return elements.isEmpty() ? none : elements.getFirst();
  }

  private static Value last(Run run, Value value, Arguments arguments) {
    arguments.bind(run, "last", 0);
    Undefined none = new Undefined("No last item, sequence was empty.");
    if (value instanceof Str text) {
      return text.isEmpty() ? none : text.part(text.length() - 1, text.length());
    }
    if (value instanceof Generator || value instanceof Undefined) {
      throw run.fail("'" + Value.type(value) + "' object is not reversible");
    }
    List<Value> elements = Values.elements(run, value);
    return elements.isEmpty() ? none : elements.getLast();
  }

  private static Value reverse(Run run, Value value, Arguments arguments) {
    arguments.bind(run, "reverse", 0);
    if (value instanceof Str text) {
      Value none = None.NONE;
      return Access.slice(run, text, none, none, Int.of(-1));
    }
    List<Value> reversed = new ArrayList<>(Values.elements(run, value));
    Collections.reverse(reversed);
    return new Generator(reversed);
  }

  private static Value extreme(Run run, String name, Value value, Arguments arguments, int sign) {
    Value[] bound = arguments.bind(run, name, 0, "case_sensitive", "attribute");
    Value best = new Undefined("No aggregated item, sequence was empty.");
    Value bestKey = best;
    for (Value item : Values.elements(run, value)) {
      Value key = AttributePath.key(run, item, bound[1], flag(bound[0]));
      if (best instanceof Undefined || Equality.compare(run, sign < 0 ? "<" : ">", key, bestKey) * sign > 0) {
        best = item;
        bestKey = key;
      }
    }
    return best;
  }

  private static Value sum(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "sum", 0, "attribute", "start");
    Value sum = Undefined.given(bound[1]) ? bound[1] : Int.of(0);
    if (sum instanceof Str) {
      throw run.fail("sum() can't sum strings [use ''.join(seq) instead]");
    }
    for (Value item : Values.elements(run, value)) {
      boolean attribute = Undefined.given(bound[0]) && !(bound[0] instanceof None);
      sum = Operators.binary(run, "+", sum, attribute ? AttributePath.get(run, item, bound[0]) : item);
    }
    return sum;
  }
}
