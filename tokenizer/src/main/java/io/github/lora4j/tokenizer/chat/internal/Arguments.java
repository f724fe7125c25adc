package io.github.lora4j.tokenizer.chat.internal;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Arguments of a call.
 *
 * @param positional those without a name
 * @param named those with one
 */
record Arguments(List<Value> positional, Map<String, Value> named) {

  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Value... values) {
    return new Arguments(List.of(values), Map.of());
  }

  boolean isEmpty() {
    return positional.isEmpty() && named.isEmpty();
  }

  /** Without the first ones. */
  Arguments skip(int count) {
    return new Arguments(positional.subList(count, positional.size()), named);
  }

  /**
   * The values of parameters in their order, {@link Undefined#ABSENT} for those not given.
   *
   * @param required how many of them must be given
   */
  Value[] bind(Run run, String function, int required, String... parameters) {
    if (positional.size() > parameters.length) {
      throw run.fail("%s takes at most %d arguments, got %d".formatted(function, parameters.length, positional.size()));
    }
    Value[] bound = new Value[parameters.length];
    Arrays.fill(bound, Undefined.ABSENT);
    for (int i = 0; i < positional.size(); i++) {
      bound[i] = positional.get(i);
    }
    named.forEach((name, value) -> {
      int at = Arrays.asList(parameters).indexOf(name);
      if (at < 0) {
        throw run.fail("%s has no argument named '%s', it has: %s".formatted(function, name, String.join(", ", parameters)));
      }
      if (at < positional.size()) {
        throw run.fail("%s got its argument '%s' twice".formatted(function, name));
      }
      bound[at] = value;
    });
    for (int i = 0; i < required; i++) {
      if (!Undefined.given(bound[i])) {
        throw run.fail("%s needs its argument '%s'".formatted(function, parameters[i]));
      }
    }
    return bound;
  }
}
