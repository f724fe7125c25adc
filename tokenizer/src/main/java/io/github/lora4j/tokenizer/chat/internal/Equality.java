package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.None;
import java.util.List;
import java.util.Map;

/** Python's ==, &lt; and in. */
final class Equality {

  private Equality() {}

  static boolean equal(Run run, Value a, Value b) {
    run.step();
    if (a == b) {
      return !(a instanceof Value.Real number) || !Double.isNaN(number.value());
    }
    if (a instanceof Items x && b instanceof Items y) {
      return equal(run, x, y);
    }
    if (a instanceof Dict x && b instanceof Dict y) {
      return equal(run, x, y);
    }
    if (a instanceof Str x && b instanceof Str y) {
      run.characters(Math.min(x.chars(), y.chars()));
      return x.equals(y);
    }
    return switch (a) {
      case Value.Int _, Value.Real _, Value.Bool _, None _, Undefined _, Str _ -> a.equals(b);
      case Items _, Dict _, Generator _, Namespace _, Callable _, Loop _ -> false;
    };
  }

  private static boolean equal(Run run, Items a, Items b) {
    if (a.kind() != b.kind() || a.values().size() != b.values().size()) {
      return false;
    }
    if (a.kind() == Items.Kind.KEYS || a.kind() == Items.Kind.ITEMS) {
      throw run.outside("comparing " + a.kind().python());
    }
    if (a.kind() == Items.Kind.VALUES) {
      return false;
    }
    run.enter();
    for (int i = 0; i < a.values().size(); i++) {
      if (a.values().get(i) != b.values().get(i) && !equal(run, a.values().get(i), b.values().get(i))) {
        run.leave();
        return false;
      }
    }
    run.leave();
    return true;
  }

  private static boolean equal(Run run, Dict a, Dict b) {
    if (a.entries().size() != b.entries().size()) {
      return false;
    }
    run.enter();
    for (Map.Entry<Value, Value> entry : a.entries().entrySet()) {
      Value other = b.entries().get(entry.getKey());
      if (other == null || other != entry.getValue() && !equal(run, entry.getValue(), other)) {
        run.leave();
        return false;
      }
    }
    run.leave();
    return true;
  }

  /** Negative, zero, positive; 2 for numbers that have no order. */
  static int compare(Run run, String op, Value a, Value b) {
    run.step();
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return Numbers.compare(a, b);
    }
    if (a instanceof Str x && b instanceof Str y) {
      run.characters(Math.min(x.chars(), y.chars()));
      return compare(x.text(), y.text());
    }
    if (a instanceof Items x && b instanceof Items y && x.kind() == y.kind() && x.kind().indexed() && x.kind() != Items.Kind.RANGE) {
      return compare(run, op, x.values(), y.values());
    }
    if (a instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (b instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    throw run.fail("'%s' not supported between instances of '%s' and '%s'".formatted(op, Value.type(a), Value.type(b)));
  }

  private static int compare(Run run, String op, List<Value> a, List<Value> b) {
    run.enter();
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
      if (a.get(i) != b.get(i) && !equal(run, a.get(i), b.get(i))) {
        int order = compare(run, op, a.get(i), b.get(i));
        run.leave();
        return order;
      }
    }
    run.leave();
    return Integer.compare(a.size(), b.size());
  }

  /** By code points, as Python compares. */
  private static int compare(String a, String b) {
    for (int i = 0; i < Math.min(a.length(), b.length()); i++) {
      if (a.charAt(i) != b.charAt(i)) {
        boolean surrogates = Character.isSurrogate(a.charAt(i)) != Character.isSurrogate(b.charAt(i));
        return surrogates ? Character.isSurrogate(a.charAt(i)) ? 1 : -1 : a.charAt(i) - b.charAt(i);
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  /** Whether a container holds an element. */
  static boolean in(Run run, Value element, Value container) {
    switch (container) {
      case Str text -> {
        if (!(element instanceof Str part)) {
          throw run.fail("'in <string>' requires string as left operand, not " + Value.type(element));
        }
        run.characters((long) text.chars() + part.chars());
        return new Needle(part.text()).first(text.text(), 0) >= 0;
      }
      case Dict dict -> {
        return dict.entries().containsKey(Values.key(run, element));
      }
      case Items items -> {
        return any(run, element, items.values());
      }
      case Generator generator -> {
        while (generator.hasNext()) {
          if (same(run, element, generator.next())) {
            return true;
          }
        }
        return false;
      }
      case Undefined _ -> {
        return false;
      }
      case Value.Int _, Value.Real _, Value.Bool _, None _, Namespace _, Callable _, Loop _ ->
          throw run.fail("argument of type '" + Value.type(container) + "' is not iterable");
    }
  }

  private static boolean any(Run run, Value element, List<Value> values) {
    for (Value value : values) {
      if (same(run, element, value)) {
        return true;
      }
    }
    return false;
  }

  private static boolean same(Run run, Value a, Value b) {
    return a == b || equal(run, a, b);
  }
}
