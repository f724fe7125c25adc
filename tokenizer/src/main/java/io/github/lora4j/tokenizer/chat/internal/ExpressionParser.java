package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Expr.CallArguments;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Parses expressions; loose to tight: inline if, or, and, not, comparisons and in, + -, ~, * / // %, **, sign, then dots, brackets and calls, then
 * filters and tests.
 */
final class ExpressionParser {

  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final Cursor cursor;
  private final PrimaryParser primary;

  ExpressionParser(Cursor cursor) {
    this.cursor = cursor;
    this.primary = new PrimaryParser(cursor, this);
  }

  PrimaryParser primary() {
    return primary;
  }

  Expr expression() {
    cursor.enter();
    Expr result = or();
    int line = cursor.line();
    for (int links = 0; cursor.skipName("if"); links++) {
      cursor.chain(links);
      Expr test = or();
      Optional<Expr> otherwise = cursor.skipName("else") ? Optional.of(expression()) : Optional.empty();
      result = new Expr.Conditional(test, result, otherwise, line);
    }
    cursor.leave();
    return result;
  }

  Expr or() {
    return logic(false, "or", this::and);
  }

  private Expr and() {
    return logic(true, "and", this::not);
  }

  private Expr logic(boolean and, String word, Supplier<Expr> operand) {
    Expr left = operand.get();
    for (int links = 0; cursor.isName(word); links++) {
      cursor.chain(links);
      int line = cursor.next().line();
      left = new Expr.Logic(and, left, operand.get(), line);
    }
    return left;
  }

  private Expr not() {
    if (!cursor.isName("not")) {
      return comparison();
    }
    cursor.enter();
    int line = cursor.next().line();
    Expr result = new Expr.Unary("not", not(), line);
    cursor.leave();
    return result;
  }

  private Expr comparison() {
    int line = cursor.line();
    Expr first = sum();
    List<String> ops = new ArrayList<>();
    List<Expr> others = new ArrayList<>();
    while (true) {
      if (cursor.isAnyOperator(COMPARISONS)) {
        ops.add(cursor.next().text());
      } else if (cursor.skipName("in")) {
        ops.add("in");
      } else if (cursor.isName("not") && cursor.look().is(Token.Kind.NAME, "in")) {
        cursor.next();
        cursor.next();
        ops.add("not in");
      } else {
        return ops.isEmpty() ? first : new Expr.Compare(first, ops, others, line);
      }
      others.add(sum());
    }
  }

  private Expr sum() {
    return binary(Set.of("+", "-"), this::concat);
  }

  private Expr concat() {
    int line = cursor.line();
    Expr first = product();
    if (!cursor.isOperator("~")) {
      return first;
    }
    List<Expr> parts = new ArrayList<>(List.of(first));
    while (cursor.skipOperator("~")) {
      parts.add(product());
    }
    return new Expr.Concat(parts, line);
  }

  private Expr product() {
    return binary(Set.of("*", "/", "//", "%"), this::power);
  }

  private Expr power() {
    return binary(Set.of("**"), () -> unary(true));
  }

  private Expr binary(Set<String> operators, Supplier<Expr> operand) {
    Expr left = operand.get();
    for (int links = 0; cursor.isAnyOperator(operators); links++) {
      cursor.chain(links);
      Token op = cursor.next();
      left = new Expr.Binary(op.text(), left, operand.get(), op.line());
    }
    return left;
  }

  private Expr unary(boolean filters) {
    int line = cursor.line();
    Expr result;
    if (cursor.isOperator("-") || cursor.isOperator("+")) {
      cursor.enter();
      String op = cursor.next().text();
      result = new Expr.Unary(op, unary(false), line);
      cursor.leave();
    } else {
      result = primary.primary();
    }
    result = postfix(result);
    return filters ? filtersAndTests(result) : result;
  }

  private Expr postfix(Expr start) {
    Expr result = start;
    for (int links = 0;; links++) {
      cursor.chain(links);
      if (cursor.isOperator(".")) {
        result = primary.attribute(result);
      } else if (cursor.isOperator("[")) {
        result = primary.subscript(result);
      } else if (cursor.isOperator("(")) {
        int line = cursor.line();
        result = new Expr.Call(result, primary.arguments(), line);
      } else {
        return result;
      }
    }
  }

  private Expr filtersAndTests(Expr start) {
    Expr result = start;
    for (int links = 0;; links++) {
      cursor.chain(links);
      if (cursor.isOperator("|")) {
        cursor.next();
        result = filter(result);
      } else if (cursor.isName("is")) {
        result = test(result);
      } else if (cursor.isOperator("(")) {
        int line = cursor.line();
        result = new Expr.Call(result, primary.arguments(), line);
      } else {
        return result;
      }
    }
  }

  /** A filter, behind its bar. */
  Expr.Filter filter(Expr target) {
    int line = cursor.line();
    String name = cursor.expectName("the name of a filter");
    if (cursor.isOperator(".") || !Filters.known(name)) {
      throw cursor.outside("the filter " + name);
    }
    return new Expr.Filter(target, name, cursor.isOperator("(") ? primary.arguments() : CallArguments.NONE, line);
  }

  private Expr test(Expr target) {
    int line = cursor.next().line();
    boolean negated = cursor.skipName("not");
    String name = cursor.expectName("the name of a test");
    if (cursor.isOperator(".") || !Tests.known(name)) {
      throw cursor.outside("the test " + name);
    }
    CallArguments arguments = CallArguments.NONE;
    if (cursor.isOperator("(")) {
      arguments = primary.arguments();
    } else if (argument()) {
      arguments = new CallArguments(List.of(postfix(primary.primary())), Map.of());
    }
    Expr test = new Expr.Test(target, name, arguments, line);
    return negated ? new Expr.Unary("not", test, line) : test;
  }

  /** Whether a test's argument follows without parentheses. */
  private boolean argument() {
    if (cursor.isName("is")) {
      throw cursor.broken("tests with 'is' cannot follow one another");
    }
    return switch (cursor.current().kind()) {
      case STRING, INTEGER, FLOAT -> true;
      case NAME -> !cursor.isAnyName(Set.of("else", "or", "and"));
      case OPERATOR -> cursor.isAnyOperator(Set.of("[", "{"));
      case DATA, PRINT, PRINT_END, BLOCK, BLOCK_END, END -> false;
    };
  }
}
