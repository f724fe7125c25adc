package io.github.lora4j.tokenizer.chat.internal;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A statement. */
sealed interface Stmt {

  /** Text between tags. */
  record Data(Str text) implements Stmt {}

  /** {@code {{ a }}}. */
  record Print(Expr value, int line) implements Stmt {}

  /** {@code if}, with its branches in order. */
  record If(List<Map.Entry<Expr, List<Stmt>>> branches, List<Stmt> otherwise, int line) implements Stmt {}

  /** {@code for}. */
  record For(Target target, Expr over, Optional<Expr> condition, List<Stmt> body, List<Stmt> otherwise, int line) implements Stmt {}

  /** {@code set a = b}. */
  record Set(Target target, Expr value, int line) implements Stmt {}

  /** {@code set a} to {@code endset}; each filter's target is the one before it. */
  record SetBlock(Target target, List<Expr.Filter> filters, List<Stmt> body, int line) implements Stmt {}

  /** {@code macro}. */
  record Macro(String name, Signature signature, List<Stmt> body, int line) implements Stmt {}

  /** {@code call}. */
  record CallBlock(Signature signature, Expr.Call call, List<Stmt> body, int line) implements Stmt {}

  /** {@code filter}. */
  record FilterBlock(List<Expr.Filter> filters, List<Stmt> body, int line) implements Stmt {}

  /** {@code generation}. */
  record Generation(List<Stmt> body, int line) implements Stmt {}

  /** {@code break} or {@code continue}. */
  record Jump(boolean out) implements Stmt {}

  /** Parameters and their defaults. */
  record Signature(List<String> names, Map<String, Expr> defaults) {
    static final Signature NONE = new Signature(List.of(), Map.of());
  }

  /** What is assigned to. */
  sealed interface Target {
    /** A variable. */
    record Name(String name) implements Target {}

    /** An attribute of a namespace. */
    record Attribute(String namespace, String name) implements Target {}

    /** Several at once. */
    record Several(List<Target> targets) implements Target {}
  }
}
