package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Token.Kind;
import io.github.lora4j.vector.FormatException;
import java.util.List;
import java.util.Set;

/** Walks over tokens, and counts how deep the parser is in them. */
final class Cursor {

  private static final int MAX_DEPTH = 100;
  /** Longest chain of operators, dots or filters, which nest as trees do. */
  static final int MAX_CHAIN = 500;

  private final Source source;
  private final List<Token> tokens;
  private int at;
  private int depth;

  Cursor(Source source) {
    this.source = source;
    this.tokens = Lexer.tokens(source);
  }

  Token current() {
    return tokens.get(at);
  }

  Token look() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  int line() {
    return current().line();
  }

  Token next() {
    Token token = current();
    at = Math.min(at + 1, tokens.size() - 1);
    return token;
  }

  boolean is(Kind kind) {
    return current().kind() == kind;
  }

  boolean isOperator(String operator) {
    return current().is(Kind.OPERATOR, operator);
  }

  boolean isName(String name) {
    return current().is(Kind.NAME, name);
  }

  boolean isAnyOperator(Set<String> operators) {
    return is(Kind.OPERATOR) && operators.contains(current().text());
  }

  boolean isAnyName(Set<String> names) {
    return is(Kind.NAME) && names.contains(current().text());
  }

  boolean skipOperator(String operator) {
    boolean is = isOperator(operator);
    at += is ? 1 : 0;
    return is;
  }

  boolean skipName(String name) {
    boolean is = isName(name);
    at += is ? 1 : 0;
    return is;
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  String expectName(String what) {
    if (!is(Kind.NAME)) {
      throw unexpected(what);
    }
    return next().text();
  }

  void expect(Kind kind, String what) {
    if (!is(kind)) {
      throw unexpected(what);
    }
    next();
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw broken("nested more than " + MAX_DEPTH + " levels deep");
    }
  }

  void leave() {
    depth--;
  }

  /** Checks the length of a chain so far. */
  void chain(int links) {
    if (links > MAX_CHAIN) {
      throw broken("an expression of more than " + MAX_CHAIN + " operators in a row");
    }
  }

  FormatException unexpected(String expected) {
    return broken("expected " + expected + ", found " + current().shown());
  }

  FormatException broken(String problem) {
    return source.broken(line(), problem);
  }

  FormatException outside(String construct) {
    return broken(construct + " is outside the subset of Jinja that is supported");
  }
}
