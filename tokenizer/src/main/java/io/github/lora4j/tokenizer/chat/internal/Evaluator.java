package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Value.Bool;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes expressions. */
final class Evaluator {

  private final Run run;

  Evaluator(Run run) {
    this.run = run;
  }

  Value eval(Expr expr, Scope scope) {
    run.step();
    return switch (expr) {
      case Expr.Const literal -> literal.value();
      case Expr.Name name -> scope.get(run, name.name());
      case Expr.Attribute attribute -> {
        Value target = eval(attribute.target(), scope);
        run.at(attribute.line());
        yield Access.attribute(run, target, attribute.name());
      }
      case Expr.Subscript subscript -> {
        Value target = eval(subscript.target(), scope);
        Value index = eval(subscript.index(), scope);
        run.at(subscript.line());
        yield Access.subscript(run, target, index);
      }
      case Expr.Slice slice -> {
        Value target = eval(slice.target(), scope);
        Value start = eval(slice.start(), scope);
        Value stop = eval(slice.stop(), scope);
        Value step = eval(slice.step(), scope);
        run.at(slice.line());
        yield Access.slice(run, target, start, stop, step);
      }
      case Expr.Call call -> call(call, arguments(call.arguments(), scope), scope);
      case Expr.Filter filter -> filter(filter, eval(filter.target(), scope), scope);
      case Expr.Test test -> {
        Value target = eval(test.target(), scope);
        Arguments arguments = arguments(test.arguments(), scope);
        run.at(test.line());
        yield Bool.of(Tests.test(run, test.name(), target, arguments));
      }
      case Expr.Unary unary -> {
        Value operand = eval(unary.operand(), scope);
        run.at(unary.line());
        yield Operators.unary(run, unary.op(), operand);
      }
      case Expr.Binary binary -> {
        Value left = eval(binary.left(), scope);
        Value right = eval(binary.right(), scope);
        run.at(binary.line());
        yield Operators.binary(run, binary.op(), left, right);
      }
      case Expr.Logic logic -> {
        Value left = eval(logic.left(), scope);
        yield Values.truth(left) == logic.and() ? eval(logic.right(), scope) : left;
      }
      case Expr.Concat concat -> concat(concat, scope);
      case Expr.Compare compare -> Bool.of(compare(compare, scope));
      case Expr.Conditional conditional -> conditional(conditional, scope);
      case Expr.Sequence sequence -> new Items(sequence.kind(), all(sequence.items(), scope), Origin.LITERAL);
      case Expr.Mapping mapping -> dict(mapping, scope);
    };
  }

  private List<Value> all(List<Expr> items, Scope scope) {
    List<Value> values = new ArrayList<>(items.size());
    for (Expr item : items) {
      values.add(eval(item, scope));
    }
    return values;
  }

  private Value dict(Expr.Mapping mapping, Scope scope) {
    Map<Value, Value> entries = Dict.entries(mapping.entries().size());
    for (Map.Entry<Expr, Expr> entry : mapping.entries()) {
      Value key = eval(entry.getKey(), scope);
      Value value = eval(entry.getValue(), scope);
      run.at(mapping.line());
      entries.put(Values.key(run, key), value);
    }
    return Dict.of(entries);
  }

  private Value concat(Expr.Concat concat, Scope scope) {
    StrBuilder out = new StrBuilder();
    for (Expr part : concat.parts()) {
      Value value = eval(part, scope);
      run.at(concat.line());
      out.append(Values.text(run, value));
      run.size(out.length());
    }
    run.characters(out.length());
    return out.build();
  }

  private boolean compare(Expr.Compare compare, Scope scope) {
    Value left = eval(compare.first(), scope);
    for (int i = 0; i < compare.ops().size(); i++) {
      Value right = eval(compare.others().get(i), scope);
      run.at(compare.line());
      if (!Operators.compare(run, compare.ops().get(i), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private Value conditional(Expr.Conditional conditional, Scope scope) {
    if (Values.truth(eval(conditional.test(), scope))) {
      return eval(conditional.then(), scope);
    }
    return conditional.otherwise().isPresent() ? eval(conditional.otherwise().get(), scope)
        : new Undefined("the inline if on line " + conditional.line() + " has no else and is false");
  }

  Arguments arguments(Expr.CallArguments arguments, Scope scope) {
    if (arguments.positional().isEmpty() && arguments.named().isEmpty()) {
      return Arguments.NONE;
    }
    Map<String, Value> named = new LinkedHashMap<>();
    List<Value> positional = all(arguments.positional(), scope);
    arguments.named().forEach((name, value) -> named.put(name, eval(value, scope)));
    return new Arguments(positional, named);
  }

  Value call(Expr.Call call, Arguments arguments, Scope scope) {
    Value target = eval(call.target(), scope);
    run.at(call.line());
    if (target instanceof Callable callable) {
      run.enter();
      Value result = callable.call(run, arguments);
      run.leave();
      run.at(call.line());
      return result;
    }
    throw run.fail(target instanceof Undefined undefined ? undefined.message() : "'" + Value.type(target) + "' object is not callable");
  }

  Value filter(Expr.Filter filter, Value target, Scope scope) {
    Arguments arguments = arguments(filter.arguments(), scope);
    run.at(filter.line());
    return Filters.apply(run, filter.name(), target, arguments);
  }
}
