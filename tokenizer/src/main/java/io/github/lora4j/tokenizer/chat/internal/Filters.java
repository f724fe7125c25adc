package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The filters by name. */
final class Filters {

  /** A filter. */
  interface Filter {
    /** Applies it to a value. */
    Value apply(Run run, Value value, Arguments arguments);
  }

  private static final Map<String, Filter> FILTERS = new HashMap<>();
  /** Those that take a text marked safe as it is. */
  private static final Set<String> SAFE = Set.of("safe", "string", "length", "count", "tojson", "default", "d");

  static {
    FILTERS.put("tojson", JsonText::filter);
    FILTERS.put("from_json", ReadJson::filter);
    FILTERS.put("length", Filters::length);
    FILTERS.put("count", Filters::length);
    FILTERS.put("default", Filters::otherwise);
    FILTERS.put("d", Filters::otherwise);
    FILTERS.put("safe", (run, value, arguments) -> {
      arguments.bind(run, "safe", 0);
      return Values.text(run, value).asSafe();
    });
    FILTERS.put("string", (run, value, arguments) -> {
      arguments.bind(run, "string", 0);
      return Values.text(run, value);
    });
    TextFilters.register(FILTERS);
    NumberFilters.register(FILTERS);
    ListFilters.register(FILTERS);
    SelectFilters.register(FILTERS);
  }

  private Filters() {}

  static boolean known(String name) {
    return FILTERS.containsKey(name);
  }

  static Value apply(Run run, String name, Value value, Arguments arguments) {
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw run.outside("the filter " + name);
    }
    if (value instanceof Str text && text.safe() && !SAFE.contains(name)) {
      throw run.outside("the filter " + name + " on a text marked safe");
    }
    return filter.apply(run, value, arguments);
  }

  private static Value length(Run run, Value value, Arguments arguments) {
    arguments.bind(run, "length", 0);
    return Int.of(Values.length(run, value));
  }

  private static Value otherwise(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "default", 0, "default_value", "boolean");
    boolean falsy = Undefined.given(bound[1]) && Values.truth(bound[1]);
    boolean replace = value instanceof Undefined || falsy && !Values.truth(value);
    return !replace ? value : Undefined.given(bound[0]) ? bound[0] : Str.EMPTY;
  }
}
