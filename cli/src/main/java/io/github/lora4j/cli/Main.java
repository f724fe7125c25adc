package io.github.lora4j.cli;

import io.github.lora4j.cli.demo.DemoCommand;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.TrainingException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The {@code lora4j} command. Exit codes: 0 done, 1 a bug (with its stack trace), 2 wrong options or settings, 3 a file,
 * 4 memory or disk, 5 a backend, 6 the numbers of a training run.
 */
@Command(name = "lora4j", mixinStandardHelpOptions = true, subcommands = DemoCommand.class,
    description = "Fine-tunes language models on the JVM.")
public final class Main implements Runnable {

  private Main() {}

  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  /** The command with its error handling, also for tests. */
  static CommandLine commandLine() {
    CommandLine command = new CommandLine(new Main());
    command.setExecutionExceptionHandler((error, line, parsed) -> {
      if (!(error instanceof Lora4jException known)) {
        throw error;
      }
      line.getErr().println("lora4j: " + known.getMessage());
      return exitCode(known);
    });
    return command;
  }

  static int exitCode(Lora4jException error) {
    return switch (error) {
      case ConfigException e -> 2;
      case FormatException e -> 3;
      case ResourceException e -> 4;
      case BackendException e -> 5;
      case TrainingException e -> 6;
    };
  }

  /** Without a verb: the help. */
  @Override
  public void run() {
    CommandLine.usage(this, System.out);
  }
}
