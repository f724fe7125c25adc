package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Stmt.Signature;
import io.github.lora4j.tokenizer.chat.internal.Stmt.Target;
import io.github.lora4j.tokenizer.chat.internal.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Parses statements. */
final class StatementParser {

  private final Cursor cursor;
  private final ExpressionParser expressions;
  private int loops;

  private StatementParser(Cursor cursor) {
    this.cursor = cursor;
    this.expressions = new ExpressionParser(cursor);
  }

  static List<Stmt> parse(Source source) {
    return new StatementParser(new Cursor(source)).body(Set.of());
  }

  /** Statements up to one of the closing words, which comes next; up to the end of the template where there are none. */
  private List<Stmt> body(Set<String> closing) {
    List<Stmt> body = new ArrayList<>();
    cursor.enter();
    while (true) {
      Token token = cursor.next();
      switch (token.kind()) {
        case DATA -> body.add(new Stmt.Data(Str.literal(token.text())));
        case PRINT -> {
          body.add(new Stmt.Print(expressions.primary().tuple(true), token.line()));
          cursor.expect(Kind.PRINT_END, "'}}'");
        }
        case BLOCK -> {
          if (cursor.isAnyName(closing)) {
            cursor.leave();
            return body;
          }
          body.add(statement());
          cursor.expect(Kind.BLOCK_END, "'%}'");
        }
        case END -> {
          if (!closing.isEmpty()) {
            throw cursor.unexpected("{% " + String.join(" or ", closing.stream().sorted().toList()) + " %}");
          }
          cursor.leave();
          return body;
        }
        case PRINT_END, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR -> throw cursor.unexpected("text or a tag");
      }
    }
  }

  /** A body behind the end of its opening tag, with the closing word taken. */
  private List<Stmt> block(String closing) {
    List<Stmt> body = open(Set.of(closing));
    cursor.next();
    return body;
  }

  private List<Stmt> open(Set<String> closing) {
    cursor.skipOperator(":");
    cursor.expect(Kind.BLOCK_END, "'%}'");
    return body(closing);
  }

  private Stmt statement() {
    int line = cursor.line();
    String word = cursor.expectName("a statement");
    return switch (word) {
      case "if" -> ifs(line);
      case "for" -> loop(line);
      case "set" -> set(line);
      case "macro" -> outsideLoops(() -> new Stmt.Macro(cursor.expectName("the macro's name"), signature(), block("endmacro"), line));
      case "call" -> outsideLoops(() -> call(line));
      case "filter" -> outsideLoops(() -> new Stmt.FilterBlock(filters(), block("endfilter"), line));
      case "generation" -> outsideLoops(() -> new Stmt.Generation(block("endgeneration"), line));
      case "break", "continue" -> {
        if (loops == 0) {
          throw cursor.broken(word + " outside of a loop");
        }
        yield new Stmt.Jump(word.equals("break"));
      }
      case "elif", "else", "endif", "endfor", "endset", "endmacro", "endcall", "endfilter", "endgeneration" ->
          throw cursor.broken("'" + word + "' closes nothing");
      default -> throw cursor.outside("the statement " + word);
    };
  }

  private interface Part {
    Stmt parse();
  }

  /** A loop around these blocks is not one that break inside them could leave. */
  private Stmt outsideLoops(Part part) {
    int around = loops;
    loops = 0;
    Stmt parsed = part.parse();
    loops = around;
    return parsed;
  }

  private Stmt ifs(int line) {
    List<Map.Entry<Expr, List<Stmt>>> branches = new ArrayList<>();
    do {
      Expr test = expressions.primary().tuple(false);
      branches.add(Map.entry(test, open(Set.of("elif", "else", "endif"))));
    } while (cursor.skipName("elif"));
    return new Stmt.If(branches, cursor.next().text().equals("else") ? block("endif") : List.of(), line);
  }

  private Stmt loop(int line) {
    Target target = target(false);
    if (!cursor.skipName("in")) {
      throw cursor.unexpected("'in'");
    }
    Expr over = expressions.primary().tuple(false);
    Optional<Expr> condition = cursor.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
    if (cursor.isName("recursive")) {
      throw cursor.outside("a recursive loop");
    }
    loops++;
    List<Stmt> body = open(Set.of("else", "endfor"));
    loops--;
    return new Stmt.For(target, over, condition, body, cursor.next().text().equals("else") ? block("endfor") : List.of(), line);
  }

  private Stmt set(int line) {
    Target target = target(true);
    if (cursor.skipOperator("=")) {
      return new Stmt.Set(target, expressions.primary().tuple(true), line);
    }
    List<Expr.Filter> filters = new ArrayList<>();
    while (cursor.skipOperator("|")) {
      filters.add(expressions.filter(new Expr.Const(Str.EMPTY, line)));
    }
    return outsideLoops(() -> new Stmt.SetBlock(target, filters, block("endset"), line));
  }

  private Target target(boolean attributes) {
    List<Target> targets = new ArrayList<>();
    boolean comma;
    do {
      targets.add(cursor.isOperator("(") ? nested(attributes) : name(attributes));
      comma = cursor.skipOperator(",");
    } while (comma && !cursor.isName("in") && (cursor.is(Kind.NAME) || cursor.isOperator("(")));
    return targets.size() == 1 && !comma ? targets.getFirst() : new Target.Several(targets);
  }

  private Target nested(boolean attributes) {
    cursor.enter();
    cursor.expectOperator("(");
    Target nested = target(attributes);
    cursor.expectOperator(")");
    cursor.leave();
    return nested;
  }

  private Target name(boolean attributes) {
    String name = cursor.expectName("a variable to assign to");
    if (Set.of("true", "false", "none", "True", "False", "None").contains(name)) {
      throw cursor.broken("cannot assign to " + name);
    }
    if (attributes && cursor.skipOperator(".")) {
      return new Target.Attribute(name, cursor.expectName("an attribute"));
    }
    return new Target.Name(name);
  }

  private List<Expr.Filter> filters() {
    List<Expr.Filter> filters = new ArrayList<>();
    Expr nothing = new Expr.Const(Str.EMPTY, cursor.line());
    do {
      filters.add(expressions.filter(nothing));
    } while (cursor.skipOperator("|"));
    return filters;
  }

  private Stmt call(int line) {
    Signature signature = cursor.isOperator("(") ? signature() : Signature.NONE;
    if (!(expressions.expression() instanceof Expr.Call call)) {
      throw cursor.broken("{% call %} must be followed by a call");
    }
    return new Stmt.CallBlock(signature, call, block("endcall"), line);
  }

  private Signature signature() {
    cursor.expectOperator("(");
    List<String> names = new ArrayList<>();
    Map<String, Expr> defaults = new LinkedHashMap<>();
    while (!cursor.isOperator(")")) {
      String name = cursor.expectName("a parameter");
      if (names.contains(name)) {
        throw cursor.broken("the parameter " + name + " is there twice");
      }
      names.add(name);
      if (cursor.skipOperator("=")) {
        defaults.put(name, expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw cursor.broken("the parameter " + name + " without a default follows one with a default");
      }
      if (!cursor.skipOperator(",")) {
        break;
      }
    }
    cursor.expectOperator(")");
    return new Signature(names, defaults);
  }
}
