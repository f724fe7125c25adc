package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Filters.Filter;
import io.github.lora4j.tokenizer.chat.internal.Value.Int;
import io.github.lora4j.tokenizer.chat.internal.Value.Real;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;

/** Filters that make numbers. */
final class NumberFilters {

  private NumberFilters() {}

  static void register(Map<String, Filter> filters) {
    filters.put("int", NumberFilters::whole);
    filters.put("float", NumberFilters::real);
    filters.put("round", NumberFilters::round);
    filters.put("abs", (run, value, arguments) -> {
      arguments.bind(run, "abs", 0);
      if (value instanceof Real number) {
        return new Real(Math.abs(number.value()));
      }
      return new Int(Numbers.whole(number(run, value)).abs());
    });
  }

  private static Value number(Run run, Value value) {
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (!Numbers.isNumber(value)) {
      throw run.fail("a number is needed, not a " + Value.type(value));
    }
    return value;
  }

  private static Value whole(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "int", 0, "default", "base");
    if (Undefined.given(bound[1]) && !(bound[1] instanceof Int base && base.value().intValue() == 10)) {
      throw run.outside("the filter int with a base");
    }
    Value otherwise = Undefined.given(bound[0]) ? bound[0] : Int.of(0);
    if (value instanceof Str text) {
      Optional<BigInteger> number = NumberParser.whole(run, text);
      if (number.isPresent()) {
        return new Int(number.get());
      }
      Optional<Double> real = NumberParser.real(run, text).filter(Double::isFinite);
      return real.isPresent() ? new Int(NumberParser.truncated(run, real.get())) : otherwise;
    }
    if (value instanceof Real number) {
      return Double.isFinite(number.value()) ? new Int(NumberParser.truncated(run, number.value())) : otherwise;
    }
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    return Numbers.isWhole(value) ? new Int(Numbers.whole(value)) : otherwise;
  }

  private static Value real(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "float", 0, "default");
    Value otherwise = Undefined.given(bound[0]) ? bound[0] : new Real(0);
    if (value instanceof Str text) {
      Optional<Double> number = NumberParser.real(run, text);
      return number.isPresent() ? new Real(number.get()) : otherwise;
    }
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    return Numbers.isNumber(value) ? new Real(Numbers.real(value)) : otherwise;
  }

  private static Value round(Run run, Value value, Arguments arguments) {
    Value[] bound = arguments.bind(run, "round", 0, "precision", "method");
    int precision = Undefined.given(bound[0]) ? Values.index(run, "precision", bound[0]) : 0;
    if (Undefined.given(bound[1]) && !bound[1].equals(Str.literal("common")) || Math.abs(precision) > 100) {
      throw run.outside("the filter round with a method");
    }
    Value number = number(run, value);
    RoundingMode even = RoundingMode.HALF_EVEN;
    if (Numbers.isWhole(number)) {
      return new Int(new BigDecimal(Numbers.whole(number)).setScale(Math.min(0, precision), even).toBigInteger());
    }
    double real = Numbers.real(number);
    return Double.isFinite(real) ? new Real(new BigDecimal(real).setScale(precision, even).doubleValue()) : number;
  }
}
