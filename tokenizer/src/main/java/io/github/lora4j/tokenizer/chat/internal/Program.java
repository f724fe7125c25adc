package io.github.lora4j.tokenizer.chat.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.chat.Chat;
import io.github.lora4j.tokenizer.chat.Limits;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;

/** A parsed template. */
public final class Program {

  private static final int MAX_SOURCE = 4 << 20;

  private final String name;
  private final List<Stmt> body;
  private final Limits limits;

  private Program(String name, List<Stmt> body, Limits limits) {
    this.name = name;
    this.body = body;
    this.limits = limits;
  }

  /** Parses a template. */
  public static Program parse(String text, String name, Limits limits) {
    if (text.length() > MAX_SOURCE) {
      throw new FormatException(name + ": a template of " + text.length() + " characters, expected at most " + MAX_SOURCE);
    }
    try {
      return new Program(name, StatementParser.parse(new Source(name, text)), limits);
    } catch (StackOverflowError e) {
      throw new FormatException(name + ": the template is nested too deeply", e);
    }
  }

  /** Whether it has generation blocks. */
  public boolean marksAnswers() {
    return marks(body);
  }

  private static boolean marks(List<Stmt> body) {
    return body.stream().anyMatch(stmt -> switch (stmt) {
      case Stmt.Generation _ -> true;
      case Stmt.If branches -> branches.branches().stream().anyMatch(b -> marks(b.getValue())) || marks(branches.otherwise());
      case Stmt.For loop -> marks(loop.body()) || marks(loop.otherwise());
      case Stmt.SetBlock block -> marks(block.body());
      case Stmt.Macro macro -> marks(macro.body());
      case Stmt.CallBlock block -> marks(block.body());
      case Stmt.FilterBlock block -> marks(block.body());
      case Stmt.Data _, Stmt.Print _, Stmt.Set _, Stmt.Jump _ -> false;
    });
  }

  /** Renders a conversation. */
  public Trace render(Chat chat) {
    return switch (chat.ending()) {
      case COMPLETE, GENERATION_PROMPT -> run(chat);
      case CONTINUE_FINAL_MESSAGE -> Continuation.cut(name, chat, run(Continuation.tagged(chat)));
    };
  }

  private Trace run(Chat chat) {
    Run run = new Run(name, limits, chat);
    try {
      return new Trace(new Executor(run).capture(body, scope(chat)));
    } catch (StackOverflowError e) {
      throw run.limit("nests too deeply for the thread's stack");
    }
  }

  private static Scope scope(Chat chat) {
    Scope scope = Scope.top();
    Globals.define(scope);
    List<Value> messages = new ArrayList<>();
    for (JsonNode message : chat.messages()) {
      messages.add(JsonValues.message(message, messages.size()));
    }
    scope.set("messages", Items.list(messages));
    scope.set("tools", list(chat.tools()));
    scope.set("documents", list(chat.documents()));
    scope.set("add_generation_prompt", Value.Bool.of(chat.ending() == Chat.Ending.GENERATION_PROMPT));
    chat.specialTokens().forEach((token, text) -> scope.set(token, Str.literal(text)));
    chat.variables().forEach((variable, value) -> {
      switch (variable) {
        case "messages", "tools", "documents", "add_generation_prompt" ->
            throw new ConfigException("the variable " + variable + " is given by the conversation, not by name");
        default -> scope.set(variable, JsonValues.of(value));
      }
    });
    return scope.inner();
  }

  private static Value list(List<JsonNode> nodes) {
    return nodes.isEmpty() ? Value.None.NONE : Items.list(nodes.stream().map(JsonValues::of).toList());
  }
}
