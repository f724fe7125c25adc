package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Stmt.Target;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs statements. */
final class Executor {

  /** How a block was left. */
  private enum Flow { END, BREAK, CONTINUE }

  private final Run run;
  private final Evaluator evaluator;
  private int loops;

  Executor(Run run) {
    this.run = run;
    this.evaluator = new Evaluator(run);
  }

  /** What a block writes. */
  Str capture(List<Stmt> body, Scope scope) {
    StrBuilder out = new StrBuilder();
    exec(body, scope, out);
    return out.build();
  }

  private Flow exec(List<Stmt> body, Scope scope, StrBuilder out) {
    for (Stmt stmt : body) {
      Flow flow = exec(stmt, scope, out);
      if (flow != Flow.END) {
        return flow;
      }
    }
    return Flow.END;
  }

  private Flow exec(Stmt stmt, Scope scope, StrBuilder out) {
    run.step();
    switch (stmt) {
      case Stmt.Data data -> write(data.text(), out);
      case Stmt.Print print -> {
        run.at(print.line());
        write(Values.text(run, evaluator.eval(print.value(), scope)), out);
      }
      case Stmt.If branches -> {
        return ifs(branches, scope, out);
      }
      case Stmt.For loop -> loop(loop, scope, out);
      case Stmt.Set set -> {
        run.at(set.line());
        assign(set.target(), turned(evaluator.eval(set.value(), scope)), scope);
      }
      case Stmt.SetBlock set -> {
        Value text = filtered(set.filters(), capture(set.body(), scope.inner()), scope);
        run.at(set.line());
        assign(set.target(), text, scope);
      }
      case Stmt.Macro macro -> scope.set(macro.name(), new Macro(this, macro.name(), macro.signature(), macro.body(), scope));
      case Stmt.CallBlock block -> call(block, scope, out);
      case Stmt.FilterBlock block -> write(Values.text(run, filtered(block.filters(), capture(block.body(), scope.inner()), scope)), out);
      case Stmt.Generation block -> {
        int around = run.generation();
        run.generation(run.nextGeneration());
        write(capture(block.body(), scope.inner()), out);
        run.generation(around);
      }
      case Stmt.Jump jump -> {
        return jump.out() ? Flow.BREAK : Flow.CONTINUE;
      }
    }
    return Flow.END;
  }

  private void write(Str text, StrBuilder out) {
    run.characters(text.chars());
    run.size((long) out.length() + text.chars());
    out.append(text, 0, text.chars(), run.turn(), run.generation());
  }

  private Flow ifs(Stmt.If branches, Scope scope, StrBuilder out) {
    for (Map.Entry<Expr, List<Stmt>> branch : branches.branches()) {
      run.at(branch.getKey().line());
      if (Values.truth(evaluator.eval(branch.getKey(), scope))) {
        return exec(branch.getValue(), scope, out);
      }
    }
    return exec(branches.otherwise(), scope, out);
  }

  private void loop(Stmt.For stmt, Scope scope, StrBuilder out) {
    run.at(stmt.line());
    Loop loop = new Loop(items(stmt, scope));
    int around = run.turn();
    boolean any = false;
    loops++;
    while (loop.hasNext()) {
      Value item = loop.next();
      any = true;
      run.step();
      run.turn(item instanceof Dict dict && dict.message() >= 0 ? dict.message() : around);
      Scope inner = scope.inner();
      inner.set("loop", loop);
      assign(stmt.target(), item, inner);
      if (exec(stmt.body(), inner, out) == Flow.BREAK) {
        break;
      }
    }
    loops--;
    run.turn(around);
    if (!any) {
      exec(stmt.otherwise(), scope.inner(), out);
    }
  }

  /** The elements, asked for the loop's condition one by one. */
  private Iterator<Value> items(Stmt.For stmt, Scope scope) {
    List<Value> elements = Values.elements(run, evaluator.eval(stmt.over(), scope));
    if (stmt.condition().isEmpty()) {
      return elements.iterator();
    }
    Expr condition = stmt.condition().get();
    return elements.stream().filter(item -> {
      Scope inner = scope.inner();
      assign(stmt.target(), item, inner);
      return Values.truth(evaluator.eval(condition, inner));
    }).iterator();
  }

  private Value filtered(List<Expr.Filter> filters, Str text, Scope scope) {
    Value result = text;
    for (Expr.Filter filter : filters) {
      result = evaluator.filter(filter, result, scope);
    }
    return result;
  }

  private void call(Stmt.CallBlock block, Scope scope, StrBuilder out) {
    run.at(block.line());
    Arguments arguments = evaluator.arguments(block.call().arguments(), scope);
    Macro caller = new Macro(this, "caller", block.signature(), block.body(), scope);
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    named.put("caller", caller);
    write(Values.text(run, evaluator.call(block.call(), new Arguments(arguments.positional(), named), scope)), out);
  }

  /**
   * A value that is being set. In a loop over indices, a message that is picked begins its turn; a text that is put together for later keeps the turn
   * that it was put together in.
   */
  private Value turned(Value value) {
    if (value instanceof Dict dict && dict.message() >= 0 && loops > 0 && run.turn() < 0) {
      run.turn(dict.message());
    }
    return value instanceof Str text && run.turn() >= 0 ? text.inTurn(run.turn()) : value;
  }

  void assign(Target target, Value value, Scope scope) {
    switch (target) {
      case Target.Name name -> scope.set(name.name(), value);
      case Target.Attribute attribute -> {
        if (!(scope.get(run, attribute.namespace()) instanceof Namespace namespace)) {
          throw run.fail("cannot assign attribute on non-namespace object " + attribute.namespace());
        }
        namespace.set(attribute.name(), value);
      }
      case Target.Several several -> {
        List<Value> values = Values.elements(run, value);
        if (values.size() != several.targets().size()) {
          throw run.fail("%d values to assign to %d variables".formatted(values.size(), several.targets().size()));
        }
        for (int i = 0; i < values.size(); i++) {
          assign(several.targets().get(i), values.get(i), scope);
        }
      }
    }
  }

  Value evaluate(Expr expr, Scope scope) {
    return evaluator.eval(expr, scope);
  }
}
