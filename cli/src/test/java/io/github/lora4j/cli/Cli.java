package io.github.lora4j.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/** Runs the command in this JVM. */
public record Cli(int code, String out, String err) {

  static Cli run(Object... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    String[] texts = new String[args.length];
    for (int i = 0; i < args.length; i++) {
      texts[i] = args[i].toString();
    }
    int code = Main.run(command, texts);
    return new Cli(code, out.toString(), err.toString());
  }

  /** The same, for what must succeed. */
  public static Cli ok(Object... args) {
    Cli result = run(args);
    if (result.code != 0) {
      throw new AssertionError("exit code " + result.code + "\n" + result.out + result.err);
    }
    return result;
  }
}
