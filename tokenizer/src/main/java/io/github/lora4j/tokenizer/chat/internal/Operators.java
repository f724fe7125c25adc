package io.github.lora4j.tokenizer.chat.internal;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Arithmetic and comparisons of any two values. */
final class Operators {

  private Operators() {}

  static Value binary(Run run, String op, Value a, Value b) {
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return Numbers.arithmetic(run, op, a, b);
    }
    if (a instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (op.equals("%") && a instanceof Str format) {
      return Percent.format(run, plain(run, format), b);
    }
    if (b instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (op.equals("+") && a instanceof Str x && b instanceof Str y) {
      return concat(run, x, y);
    }
    if (op.equals("+") && a instanceof Items x && b instanceof Items y && x.kind() == y.kind() && joinable(x)) {
      List<Value> both = new ArrayList<>(x.values());
      both.addAll(y.values());
      run.spend(both.size());
      return new Items(x.kind(), both, Origin.LITERAL);
    }
    if (op.equals("*") && Numbers.isWhole(b) && repeatable(a)) {
      return repeat(run, a, Numbers.whole(b));
    }
    if (op.equals("*") && Numbers.isWhole(a) && repeatable(b)) {
      return repeat(run, b, Numbers.whole(a));
    }
    if (op.equals("+") && a instanceof Str) {
      throw run.fail("can only concatenate str (not \"" + Value.type(b) + "\") to str");
    }
    throw run.fail("unsupported operand type(s) for " + op + ": '" + Value.type(a) + "' and '" + Value.type(b) + "'");
  }

  private static boolean joinable(Items items) {
    return items.kind() == Items.Kind.LIST || items.kind() == Items.Kind.TUPLE;
  }

  private static boolean repeatable(Value value) {
    return value instanceof Str || value instanceof Items items && joinable(items);
  }

  /** A text that is not marked safe; the rules of Markup are not all here. */
  static Str plain(Run run, Str text) {
    if (text.safe()) {
      throw run.outside("an operation on a text marked safe");
    }
    return text;
  }

  private static Str concat(Run run, Str a, Str b) {
    run.characters((long) a.chars() + b.chars());
    if (a.safe() || b.safe()) {
      return new StrBuilder().append(escaped(a)).append(escaped(b)).build().asSafe();
    }
    return b.isEmpty() ? a : a.isEmpty() ? b : new StrBuilder().append(a).append(b).build();
  }

  /** As Markup takes a text in: with HTML escapes, unless it is marked safe. */
  private static Str escaped(Str text) {
    if (text.safe()) {
      return text;
    }
    StrBuilder out = new StrBuilder();
    for (int i = 0; i < text.chars(); i++) {
      switch (text.text().charAt(i)) {
        case '&' -> out.append("&amp;", text, i);
        case '<' -> out.append("&lt;", text, i);
        case '>' -> out.append("&gt;", text, i);
        case '\'' -> out.append("&#39;", text, i);
        case '"' -> out.append("&#34;", text, i);
        default -> out.append(text, i, i + 1);
      }
    }
    return out.build();
  }

  private static Value repeat(Run run, Value value, BigInteger times) {
    int count = Math.max(0, Values.clamp(times));
    if (value instanceof Str text) {
      run.characters((long) count * Math.max(1, text.chars()));
      if (text.runs() == 1 && text.origin().literal()) {
        return Str.literal(plain(run, text).text().repeat(count));
      }
      run.spend(count);
      StrBuilder out = new StrBuilder();
      for (int i = 0; i < count; i++) {
        out.append(plain(run, text));
      }
      return out.build();
    }
    Items items = (Items) value;
    run.spend((long) count * Math.max(1, items.values().size()));
    List<Value> repeated = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      repeated.addAll(items.values());
    }
    return new Items(items.kind(), repeated, Origin.LITERAL);
  }

  static boolean compare(Run run, String op, Value a, Value b) {
    return switch (op) {
      case "==" -> Equality.equal(run, a, b);
      case "!=" -> !Equality.equal(run, a, b);
      case "in" -> Equality.in(run, a, b);
      case "not in" -> !Equality.in(run, a, b);
      case "<" -> Equality.compare(run, op, a, b) < 0;
      case "<=" -> Equality.compare(run, op, a, b) <= 0;
      case ">" -> greater(Equality.compare(run, op, a, b), 1);
      case ">=" -> greater(Equality.compare(run, op, a, b), 0);
      default -> throw run.outside("the operator " + op);
    };
  }

  /** An order of 2 is that of a NaN, which is not greater either. */
  private static boolean greater(int order, int least) {
    return order >= least && order != 2;
  }

  static Value unary(Run run, String op, Value value) {
    if (op.equals("not")) {
      return Value.Bool.of(!Values.truth(value));
    }
    if (value instanceof Undefined undefined) {
      throw run.fail(undefined.message());
    }
    if (!Numbers.isNumber(value)) {
      throw run.fail("bad operand type for unary " + op + ": '" + Value.type(value) + "'");
    }
    if (value instanceof Value.Real number) {
      return op.equals("-") ? new Value.Real(-number.value()) : number;
    }
    return new Value.Int(op.equals("-") ? Numbers.whole(value).negate() : Numbers.whole(value));
  }
}
