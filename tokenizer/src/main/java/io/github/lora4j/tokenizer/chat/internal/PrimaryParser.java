package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Expr.CallArguments;
import io.github.lora4j.tokenizer.chat.internal.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Parses literals, names, brackets and arguments. */
final class PrimaryParser {

  private static final int MAX_DIGITS = 4300;

  private final Cursor cursor;
  private final ExpressionParser expressions;

  PrimaryParser(Cursor cursor, ExpressionParser expressions) {
    this.cursor = cursor;
    this.expressions = expressions;
  }

  Expr primary() {
    Token token = cursor.current();
    return switch (token.kind()) {
      case NAME -> name(cursor.next());
      case STRING -> string();
      case INTEGER -> new Expr.Const(new Value.Int(integer(cursor.next().text())), token.line());
      case FLOAT -> new Expr.Const(new Value.Real(Double.parseDouble(cursor.next().text())), token.line());
      case OPERATOR -> switch (token.text()) {
        case "(" -> parentheses();
        case "[" -> list();
        case "{" -> dict();
        default -> throw cursor.unexpected("a value");
      };
      case DATA, PRINT, PRINT_END, BLOCK, BLOCK_END, END -> throw cursor.unexpected("a value");
    };
  }

  private Expr name(Token token) {
    return switch (token.text()) {
      case "true", "True" -> new Expr.Const(Value.Bool.TRUE, token.line());
      case "false", "False" -> new Expr.Const(Value.Bool.FALSE, token.line());
      case "none", "None" -> new Expr.Const(Value.None.NONE, token.line());
      case "varargs", "kwargs" -> throw cursor.outside(token.text());
      default -> new Expr.Name(token.text(), token.line());
    };
  }

  private Expr string() {
    int line = cursor.line();
    StringBuilder text = new StringBuilder();
    while (cursor.is(Kind.STRING)) {
      text.append(cursor.next().text());
    }
    return new Expr.Const(Str.literal(text.toString()), line);
  }

  private BigInteger integer(String text) {
    if (text.length() > MAX_DIGITS) {
      throw cursor.broken("a number of more than " + MAX_DIGITS + " digits");
    }
    return switch (text.length() > 1 ? Character.toLowerCase(text.charAt(1)) : '0') {
      case 'b' -> new BigInteger(text.substring(2), 2);
      case 'o' -> new BigInteger(text.substring(2), 8);
      case 'x' -> new BigInteger(text.substring(2), 16);
      default -> new BigInteger(text);
    };
  }

  private Expr parentheses() {
    cursor.next();
    if (cursor.isOperator(")")) {
      int line = cursor.next().line();
      return new Expr.Sequence(Items.Kind.TUPLE, List.of(), line);
    }
    Expr result = tuple(true);
    cursor.expectOperator(")");
    return result;
  }

  /**
   * An expression, or several with commas between them, which are a tuple.
   *
   * @param conditional whether an inline if may stand in it
   */
  Expr tuple(boolean conditional) {
    int line = cursor.line();
    Expr first = conditional ? expressions.expression() : expressions.or();
    if (!cursor.isOperator(",")) {
      return first;
    }
    List<Expr> items = new ArrayList<>(List.of(first));
    while (cursor.skipOperator(",")) {
      if (cursor.is(Kind.PRINT_END) || cursor.is(Kind.BLOCK_END) || cursor.isOperator(")")) {
        break;
      }
      items.add(conditional ? expressions.expression() : expressions.or());
    }
    return new Expr.Sequence(Items.Kind.TUPLE, items, line);
  }

  private Expr list() {
    int line = cursor.next().line();
    List<Expr> items = new ArrayList<>();
    while (!cursor.isOperator("]")) {
      items.add(expressions.expression());
      if (!cursor.skipOperator(",")) {
        break;
      }
    }
    cursor.expectOperator("]");
    return new Expr.Sequence(Items.Kind.LIST, items, line);
  }

  private Expr dict() {
    int line = cursor.next().line();
    List<Map.Entry<Expr, Expr>> entries = new ArrayList<>();
    while (!cursor.isOperator("}")) {
      Expr key = expressions.expression();
      cursor.expectOperator(":");
      entries.add(Map.entry(key, expressions.expression()));
      if (!cursor.skipOperator(",")) {
        break;
      }
    }
    cursor.expectOperator("}");
    return new Expr.Mapping(entries, line);
  }

  Expr attribute(Expr target) {
    int line = cursor.next().line();
    if (cursor.is(Kind.INTEGER)) {
      return new Expr.Subscript(target, new Expr.Const(new Value.Int(integer(cursor.next().text())), line), line);
    }
    return new Expr.Attribute(target, cursor.expectName("a name or number behind the dot"), line);
  }

  Expr subscript(Expr target) {
    int line = cursor.next().line();
    Expr none = new Expr.Const(Value.None.NONE, line);
    Expr start = cursor.isOperator(":") ? none : expressions.expression();
    if (cursor.skipOperator("]")) {
      return new Expr.Subscript(target, start, line);
    }
    if (cursor.isOperator(",")) {
      throw cursor.outside("an index of several values");
    }
    cursor.expectOperator(":");
    Expr stop = cursor.isAnyOperator(Set.of("]", ":")) ? none : expressions.expression();
    Expr step = cursor.skipOperator(":") && !cursor.isOperator("]") ? expressions.expression() : none;
    cursor.expectOperator("]");
    return new Expr.Slice(target, start, stop, step, line);
  }

  CallArguments arguments() {
    cursor.expectOperator("(");
    List<Expr> positional = new ArrayList<>();
    Map<String, Expr> named = new LinkedHashMap<>();
    while (!cursor.isOperator(")")) {
      if (cursor.isAnyOperator(Set.of("*", "**"))) {
        throw cursor.outside("unpacking arguments with " + cursor.current().text());
      }
      if (cursor.is(Kind.NAME) && cursor.look().is(Kind.OPERATOR, "=")) {
        String name = cursor.next().text();
        cursor.next();
        if (named.put(name, expressions.expression()) != null) {
          throw cursor.broken("the argument " + name + " is given twice");
        }
      } else if (named.isEmpty()) {
        positional.add(expressions.expression());
      } else {
        throw cursor.unexpected("an argument with a name");
      }
      if (!cursor.skipOperator(",")) {
        break;
      }
    }
    cursor.expectOperator(")");
    return new CallArguments(positional, named);
  }
}
