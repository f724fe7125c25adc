package io.github.lora4j.tokenizer.chat.internal;

import java.math.BigInteger;

/**
 * A value of a template: Python's. {@code equals} and {@code hashCode} of scalars are Python's too, so that they serve as keys of a {@link Dict};
 * use {@link Equality} for any two values.
 */
sealed interface Value permits Str, Value.Int, Value.Real, Value.Bool, Value.None, Undefined, Items, Generator, Dict, Namespace, Callable, Loop {

  /** Python's name of a value's type. */
  static String type(Value value) {
    return switch (value) {
      case Str s -> s.safe() ? "Markup" : "str";
      case Int _ -> "int";
      case Real _ -> "float";
      case Bool _ -> "bool";
      case None _ -> "NoneType";
      case Undefined _ -> "Undefined";
      case Items items -> items.kind().python();
      case Generator _ -> "generator";
      case Dict _ -> "dict";
      case Namespace _ -> "Namespace";
      case Callable _ -> "function";
      case Loop _ -> "LoopContext";
    };
  }

  /** A whole number of any size. */
  record Int(BigInteger value) implements Value {

    static Int of(long value) {
      return new Int(BigInteger.valueOf(value));
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Value number && Numbers.isNumber(number) && Numbers.compare(this, number) == 0;
    }

    @Override
    public int hashCode() {
      return Double.hashCode(value.doubleValue());
    }
  }

  /** A number with a fraction. */
  record Real(double value) implements Value {

    @Override
    public boolean equals(Object other) {
      return other instanceof Value number && Numbers.isNumber(number) && !Double.isNaN(value) && Numbers.compare(this, number) == 0;
    }

    @Override
    public int hashCode() {
      return Double.hashCode(value + 0.0);
    }
  }

  /** True or False, which are numbers as well. */
  record Bool(boolean value) implements Value {

    static final Bool TRUE = new Bool(true);
    static final Bool FALSE = new Bool(false);

    static Bool of(boolean value) {
      return value ? TRUE : FALSE;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Value number && Numbers.isNumber(number) && Numbers.compare(this, number) == 0;
    }

    @Override
    public int hashCode() {
      return Double.hashCode(value ? 1 : 0);
    }
  }

  /** None. */
  record None() implements Value {
    static final None NONE = new None();
  }
}
