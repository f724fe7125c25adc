package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.vector.ConfigException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Functions that every template sees. */
final class Globals {

  /** The sandbox of Jinja has the same. */
  private static final int MAX_RANGE = 100_000;

  private Globals() {}

  static void define(Scope scope) {
    scope.set("range", (Callable) Globals::range);
    scope.set("namespace", (Callable) Globals::namespace);
    scope.set("dict", (Callable) Globals::dict);
    scope.set("raise_exception", (Callable) Globals::raise);
    scope.set("strftime_now", (Callable) (run, arguments) -> Str.literal(
        Strftime.format(run, Values.string(run, "the format", arguments.bind(run, "strftime_now", 1, "format")[0]).text(), run.now())));
  }

  private static Value range(Run run, Arguments arguments) {
    Value[] bound = arguments.bind(run, "range", 1, "start", "stop", "step");
    boolean one = !Undefined.given(bound[1]);
    BigInteger start = one ? BigInteger.ZERO : whole(run, bound[0]);
    BigInteger stop = whole(run, one ? bound[0] : bound[1]);
    BigInteger step = Undefined.given(bound[2]) ? whole(run, bound[2]) : BigInteger.ONE;
    if (step.signum() == 0) {
      throw run.fail("range() arg 3 must not be zero");
    }
    BigInteger span = stop.subtract(start).multiply(BigInteger.valueOf(step.signum())).max(BigInteger.ZERO);
    BigInteger count = span.add(step.abs()).subtract(BigInteger.ONE).divide(step.abs());
    if (count.compareTo(BigInteger.valueOf(MAX_RANGE)) > 0) {
      throw run.limit("asks for a range of more than " + MAX_RANGE + " numbers");
    }
    run.spend(count.intValue());
    List<Value> numbers = new ArrayList<>(count.intValue());
    BigInteger number = start;
    for (int i = 0; i < count.intValue(); i++) {
      numbers.add(new Int(number));
      number = number.add(step);
    }
    return new Items(Items.Kind.RANGE, numbers, Origin.LITERAL);
  }

  private static BigInteger whole(Run run, Value value) {
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (!Numbers.isWhole(value)) {
      throw run.fail("'" + Value.type(value) + "' object cannot be interpreted as an integer");
    }
    return Numbers.whole(value);
  }

  private static Value namespace(Run run, Arguments arguments) {
    Namespace namespace = new Namespace();
    for (Map.Entry<Value, Value> entry : entries(run, "namespace", arguments).entrySet()) {
      namespace.set(Values.string(run, "a name in a namespace", entry.getKey()).text(), entry.getValue());
    }
    return namespace;
  }

  private static Value dict(Run run, Arguments arguments) {
    return Dict.of(entries(run, "dict", arguments));
  }

  /** Named arguments behind the entries of a dict or of pairs. */
  private static Map<Value, Value> entries(Run run, String function, Arguments arguments) {
    Map<Value, Value> entries = Dict.entries(arguments.named().size());
    if (arguments.positional().size() > 1) {
      throw run.fail(function + " takes at most 1 argument without a name, got " + arguments.positional().size());
    }
    for (Value first : arguments.positional()) {
      if (first instanceof Dict dict) {
        entries.putAll(dict.entries());
      } else {
        for (Value pair : Values.elements(run, first)) {
          List<Value> two = Values.elements(run, pair);
          if (two.size() != 2) {
            throw run.fail(function + " needs pairs, got " + two.size() + " values");
          }
          entries.put(Values.key(run, two.get(0)), two.get(1));
        }
      }
    }
    arguments.named().forEach((name, value) -> entries.put(Str.literal(name), value));
    return entries;
  }

  private static Value raise(Run run, Arguments arguments) {
    Value message = arguments.bind(run, "raise_exception", 1, "message")[0];
    String words = Values.text(run, message).text();
    throw new ConfigException("%s, line %d: the template refuses the conversation: %s".formatted(run.template(), run.line(), words));
  }
}
