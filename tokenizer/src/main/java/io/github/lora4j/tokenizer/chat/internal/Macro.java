package io.github.lora4j.tokenizer.chat.internal;

import io.github.lora4j.tokenizer.chat.internal.Stmt.Signature;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro with the variables around its definition. */
final class Macro implements Callable {

  private final Executor executor;
  private final String name;
  private final Signature signature;
  private final List<Stmt> body;
  private final Scope around;

  Macro(Executor executor, String name, Signature signature, List<Stmt> body, Scope around) {
    this.executor = executor;
    this.name = name;
    this.signature = signature;
    this.body = body;
    this.around = around;
  }

  @Override
  public Value call(Run run, Arguments arguments) {
    Scope scope = around.inner();
    Value caller = arguments.named().get("caller");
    Arguments rest = arguments;
    if (caller != null && !signature.names().contains("caller")) {
      scope.set("caller", caller);
      Map<String, Value> named = new LinkedHashMap<>(arguments.named());
      named.remove("caller");
      rest = new Arguments(arguments.positional(), named);
    }
    List<String> names = signature.names();
    Value[] bound = rest.bind(run, "the macro " + name, 0, names.toArray(String[]::new));
    for (int i = 0; i < names.size(); i++) {
      Expr otherwise = signature.defaults().get(names.get(i));
      scope.set(names.get(i), Undefined.given(bound[i]) ? bound[i]
          : otherwise == null ? new Undefined("parameter '" + names.get(i) + "' was not provided") : executor.evaluate(otherwise, scope));
    }
    return executor.capture(body, scope);
  }
}
