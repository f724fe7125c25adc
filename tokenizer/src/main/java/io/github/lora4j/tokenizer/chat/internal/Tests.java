package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.None;
import io.github.lora4j.tokenizer.chat.internal.Value.Real;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/** The tests behind {@code is} by name. */
final class Tests {

  private interface Test {
    boolean test(Run run, Value value, Arguments arguments);
  }

  private static final Map<String, Test> TESTS = new HashMap<>();

  static {
    kind("defined", value -> !(value instanceof Undefined));
    kind("undefined", value -> value instanceof Undefined);
    kind("none", value -> value instanceof None);
    kind("true", value -> value instanceof Bool flag && flag.value());
    kind("false", value -> value instanceof Bool flag && !flag.value());
    kind("boolean", value -> value instanceof Bool);
    kind("integer", value -> value instanceof Int);
    kind("float", value -> value instanceof Real);
    kind("number", Numbers::isNumber);
    kind("string", value -> value instanceof Str);
    kind("mapping", value -> value instanceof Dict);
    kind("iterable", Values::iterable);
    kind("sequence", Tests::sequence);
    kind("callable", value -> value instanceof Callable);
    TESTS.put("even", (run, value, arguments) -> remainder(run, value, Int.of(2)).equals(Int.of(0)));
    TESTS.put("odd", (run, value, arguments) -> remainder(run, value, Int.of(2)).equals(Int.of(1)));
    TESTS.put("divisibleby", (run, value, arguments) -> remainder(run, value, arguments.bind(run, "divisibleby", 1, "num")[0]).equals(Int.of(0)));
    TESTS.put("lower", (run, value, arguments) -> Casing.cased(Values.text(run, value).text(), Character::isUpperCase));
    TESTS.put("upper", (run, value, arguments) -> Casing.cased(Values.text(run, value).text(), Character::isLowerCase));
    comparison("==", "eq", "equalto");
    comparison("!=", "ne");
    comparison("<", "lt", "lessthan");
    comparison("<=", "le");
    comparison(">", "gt", "greaterthan");
    comparison(">=", "ge");
    comparison("in", "in");
    TESTS.put("sameas", (run, value, arguments) -> {
      Value other = arguments.bind(run, "sameas", 1, "other")[0];
      boolean small = value instanceof Int number && number.value().abs().bitLength() <= 8;
      if (value instanceof Str && other instanceof Str || value instanceof Real && other instanceof Real || value instanceof Int && !small) {
        throw run.outside("the test sameas of texts and numbers");
      }
      boolean scalar = value instanceof None || value instanceof Bool || small;
      return value == other || scalar && Value.type(value).equals(Value.type(other)) && value.equals(other);
    });
  }

  private Tests() {}

  static boolean known(String name) {
    return TESTS.containsKey(name);
  }

  static boolean test(Run run, String name, Value value, Arguments arguments) {
    Test test = TESTS.get(name);
    if (test == null) {
      throw run.outside("the test " + name);
    }
    return test.test(run, value, arguments);
  }

  private static void kind(String name, Predicate<Value> test) {
    TESTS.put(name, (run, value, arguments) -> {
      arguments.bind(run, "the test " + name, 0);
      return test.test(value);
    });
  }

  private static void comparison(String op, String... names) {
    Test test = (run, value, arguments) -> Operators.compare(run, op, value, arguments.bind(run, "the test " + names[0], 1, "other")[0]);
    TESTS.put(op, test);
    for (String name : names) {
      TESTS.put(name, test);
    }
  }

  private static boolean sequence(Value value) {
    return value instanceof Str || value instanceof Dict || value instanceof Undefined || value instanceof Items items && items.kind().indexed();
  }

  private static Value remainder(Run run, Value value, Value by) {
    return Operators.binary(run, "%", value, by);
  }
}
