package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Filters.Filter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** map, select, reject, selectattr, rejectattr. Their elements can be taken once, as in Jinja. */
final class SelectFilters {

  private SelectFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("map", SelectFilters::map);
    filters.put("select", (run, value, arguments) -> select(run, "select", value, arguments, true, false));
    filters.put("reject", (run, value, arguments) -> select(run, "reject", value, arguments, false, false));
    filters.put("selectattr", (run, value, arguments) -> select(run, "selectattr", value, arguments, true, true));
    filters.put("rejectattr", (run, value, arguments) -> select(run, "rejectattr", value, arguments, false, true));
  }

  private static Value map(Run run, Value value, Arguments arguments) {
    List<Value> mapped = new ArrayList<>();
    if (!Values.truth(value)) {
      return new Generator(mapped);
    }
    Map<String, Value> named = new HashMap<>(arguments.named());
    Value attribute = named.remove("attribute");
    Value otherwise = named.remove("default");
    boolean byAttribute = arguments.positional().isEmpty();
    if (byAttribute && (attribute == null || !named.isEmpty())) {
      throw run.fail("map needs the name of a filter, or attribute and default");
    }
    for (Value item : Values.elements(run, value)) {
      if (byAttribute && attribute != null) {
        Value found = AttributePath.get(run, item, attribute);
        mapped.add(found instanceof Undefined && otherwise != null ? otherwise : found);
      } else {
        String filter = Values.string(run, "the name of a filter", arguments.positional().getFirst()).text();
        mapped.add(Filters.apply(run, filter, item, arguments.skip(1)));
      }
    }
    return new Generator(mapped);
  }

  private static Value select(Run run, String name, Value value, Arguments arguments, boolean keep, boolean byAttribute) {
    List<Value> selected = new ArrayList<>();
    if (!Values.truth(value)) {
      return new Generator(selected);
    }
    int test = byAttribute ? 1 : 0;
    List<Value> positional = arguments.positional();
    if (positional.size() < test) {
      throw run.fail("Missing parameter for attribute name of " + name);
    }
    for (Value item : Values.elements(run, value)) {
      Value tested = byAttribute ? AttributePath.get(run, item, positional.getFirst()) : item;
      boolean passed = positional.size() == test ? Values.truth(tested)
          : Tests.test(run, Values.string(run, "the name of a test", positional.get(test)).text(), tested, arguments.skip(test + 1));
      if (passed == keep) {
        selected.add(item);
      }
    }
    return new Generator(selected);
  }
}
