package io.github.lora4j.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/**
 * The command, run in this JVM.
 *
 * @param output what it printed, errors behind the rest
 */
public record InProcess(int code, String output) {

  /** Runs {@code lora4j ARGUMENTS}. */
  public static InProcess run(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    String[] texts = new String[arguments.length];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = arguments[i].toString();
    }
    int code = Main.run(command, texts);
    return new InProcess(code, "" + out + err);
  }
}
