package io.github.lora4j.tokenizer.chat.internal;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An expression. */
sealed interface Expr {

  /** Where it stands. */
  int line();

  /** A literal. */
  record Const(Value value, int line) implements Expr {}

  /** A variable. */
  record Name(String name, int line) implements Expr {}

  /** A list or a tuple. */
  record Sequence(Items.Kind kind, List<Expr> items, int line) implements Expr {}

  /** A dict. */
  record Mapping(List<Map.Entry<Expr, Expr>> entries, int line) implements Expr {}

  /** {@code a.b}. */
  record Attribute(Expr target, String name, int line) implements Expr {}

  /** {@code a[b]}. */
  record Subscript(Expr target, Expr index, int line) implements Expr {}

  /** {@code a[start:stop:step]}; None for what is left out. */
  record Slice(Expr target, Expr start, Expr stop, Expr step, int line) implements Expr {}

  /** {@code a(...)}. */
  record Call(Expr target, CallArguments arguments, int line) implements Expr {}

  /** {@code a|name(...)}. */
  record Filter(Expr target, String name, CallArguments arguments, int line) implements Expr {}

  /** {@code a is name(...)}. */
  record Test(Expr target, String name, CallArguments arguments, int line) implements Expr {}

  /** {@code -a}, {@code +a}, {@code not a}. */
  record Unary(String op, Expr operand, int line) implements Expr {}

  /** Arithmetic. */
  record Binary(String op, Expr left, Expr right, int line) implements Expr {}

  /** {@code a and b}, {@code a or b}. */
  record Logic(boolean and, Expr left, Expr right, int line) implements Expr {}

  /** {@code a ~ b ~ c}. */
  record Concat(List<Expr> parts, int line) implements Expr {}

  /** {@code a < b <= c}. */
  record Compare(Expr first, List<String> ops, List<Expr> others, int line) implements Expr {}

  /** {@code a if test else b}. */
  record Conditional(Expr test, Expr then, Optional<Expr> otherwise, int line) implements Expr {}

  /** Arguments of a call. */
  record CallArguments(List<Expr> positional, Map<String, Expr> named) {
    static final CallArguments NONE = new CallArguments(List.of(), Map.of());
  }
}
