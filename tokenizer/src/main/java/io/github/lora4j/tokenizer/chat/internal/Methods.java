package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Methods of strings, lists and dicts by name. The sandbox refuses those that change a list or dict, in transformers as well. */
final class Methods {

  /** A method. */
  interface Method {
    /** Calls it on its object. */
    Value call(Run run, Value self, Arguments arguments);
  }

  private static final Set<String> UNSAFE_DICT = Set.of("clear", "pop", "popitem", "setdefault", "update");
  private static final Set<String> UNSAFE_LIST = Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");
  private static final Set<String> OTHER_STR = Set.of("encode", "expandtabs", "format", "format_map", "isidentifier", "isprintable", "maketrans",
      "translate");
  private static final Set<String> OTHER = Set.of("fromkeys", "start", "stop", "step", "mapping", "isdisjoint");

  private static final Map<String, Method> DICT = Map.of(
      "get", Methods::get,
      "items", (run, self, arguments) -> view(run, Items.Kind.ITEMS, pairs(run, (Dict) self), arguments),
      "keys", (run, self, arguments) -> view(run, Items.Kind.KEYS, List.copyOf(((Dict) self).entries().keySet()), arguments),
      "values", (run, self, arguments) -> view(run, Items.Kind.VALUES, List.copyOf(((Dict) self).entries().values()), arguments),
      "copy", Methods::copy);
  private static final Map<String, Method> LIST = Map.of("index", Methods::index, "count", Methods::count, "copy", Methods::copy);
  private static final Map<String, Method> TUPLE = Map.of("index", Methods::index, "count", Methods::count);

  private Methods() {}

  /** Whether a method changes its object. */
  static boolean unsafe(Value target, String name) {
    return target instanceof Dict && UNSAFE_DICT.contains(name)
        || target instanceof Items items && items.kind() == Items.Kind.LIST && UNSAFE_LIST.contains(name);
  }

  /** A method bound to its object; undefined if Python has none of this name. */
  static Value of(Run run, Value target, String name) {
    if (unsafe(target, name)) {
      return new Undefined("access to attribute '" + name + "' of '" + Value.type(target) + "' object is unsafe");
    }
    Method method = methods(target).get(name);
    if (method != null) {
      return (Callable) (calling, arguments) -> method.call(calling, target, arguments);
    }
    boolean python = target instanceof Str ? OTHER_STR.contains(name) : OTHER.contains(name) && !(target instanceof Dict && !name.equals("fromkeys"));
    if (python) {
      throw run.outside("the method " + name + " of a " + Value.type(target));
    }
    return Undefined.member(target, name);
  }

  private static Map<String, Method> methods(Value target) {
    return switch (target) {
      case Str _ -> StringMethods.METHODS;
      case Dict _ -> DICT;
      case Items items -> items.kind() == Items.Kind.LIST ? LIST : items.kind() == Items.Kind.TUPLE ? TUPLE : Map.of();
      case Undefined _, Generator _, Namespace _, Callable _, Loop _, Int _, Value.Real _, Value.Bool _, None _ -> Map.of();
    };
  }

  static List<Value> pairs(Run run, Dict dict) {
    List<Value> pairs = new ArrayList<>(dict.entries().size());
    dict.entries().forEach((key, value) -> pairs.add(Items.tuple(List.of(key, value))));
    run.spend(pairs.size());
    return pairs;
  }

  private static Value view(Run run, Items.Kind kind, List<Value> values, Arguments arguments) {
    arguments.bind(run, "the method of " + kind.python(), 0);
    return new Items(kind, values, Origin.LITERAL);
  }

  private static Value get(Run run, Value self, Arguments arguments) {
    Value[] bound = arguments.bind(run, "get", 1, "key", "default");
    Value found = ((Dict) self).entries().get(Values.key(run, bound[0]));
    return found != null ? found : Undefined.given(bound[1]) ? bound[1] : None.NONE;
  }

  private static Value copy(Run run, Value self, Arguments arguments) {
    arguments.bind(run, "copy", 0);
    return self;
  }

  private static Value index(Run run, Value self, Arguments arguments) {
    Value[] bound = arguments.bind(run, "index", 1, "value");
    List<Value> values = ((Items) self).values();
    for (int i = 0; i < values.size(); i++) {
      if (Equality.equal(run, values.get(i), bound[0])) {
        return Int.of(i);
      }
    }
    throw run.fail("the list to search with index has no such element");
  }

  private static Value count(Run run, Value self, Arguments arguments) {
    Value[] bound = arguments.bind(run, "count", 1, "value");
    int count = 0;
    for (Value value : ((Items) self).values()) {
      count += Equality.equal(run, value, bound[0]) ? 1 : 0;
    }
    return Int.of(count);
  }
}
