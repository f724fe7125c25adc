package io.github.lora4j.cli;

import io.github.lora4j.cli.bench.BenchCommand;
import io.github.lora4j.cli.demo.DemoCommand;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.TrainingException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The {@code lora4j} command. Exit codes: 0 done, 1 a bug (with its stack trace), 2 wrong options or settings, 3 a file,
 * 4 memory or disk, 5 a backend, 6 the numbers of a training run, 130 stopped by Ctrl-C.
 */
@Command(name = "lora4j", mixinStandardHelpOptions = true, subcommands = {DemoCommand.class, TrainCommand.class, EvalCommand.class,
    PredictCommand.class, MergeCommand.class, ExportCommand.class, InspectCommand.class, DoctorCommand.class, BenchCommand.class},
    description = "Fine-tunes language models on the JVM.")
public final class Main implements Runnable {

  /** Set to 1, it shows the stack trace of every error. */
  static final String DEBUG = "LORA4J_DEBUG";

  private Main() {}

  public static void main(String[] args) {
    System.exit(run(commandLine(), args));
  }

  /** Parses and runs; also for tests. */
  static int run(CommandLine command, String... args) {
    return command.execute(adapterSettings(args));
  }

  /** The command with its error handling. */
  static CommandLine commandLine() {
    CommandLine command = new CommandLine(new Main());
    TrainCommand.addSettings(command.getSubcommands().get("train").getCommandSpec());
    command.setOverwrittenOptionsAllowed(true);
    command.setUsageHelpAutoWidth(true);
    command.setParameterExceptionHandler((error, wrong) -> usage(error));
    command.setExecutionExceptionHandler((error, line, parsed) -> report(error, line.getErr()));
    return command;
  }

  /** {@code --adapter.r 8} is {@code --set adapter.r=8}: which settings there are is the adapter method's to know. */
  private static String[] adapterSettings(String[] args) {
    List<String> all = new ArrayList<>();
    for (int i = 0; i < args.length; i++) {
      if (!args[i].startsWith("--adapter.")) {
        all.add(args[i]);
        continue;
      }
      String setting = args[i].substring(2);
      boolean apart = !setting.contains("=") && i + 1 < args.length;
      all.add("--set");
      all.add(apart ? setting + "=" + args[++i] : setting);
    }
    return all.toArray(String[]::new);
  }

  /** A wrong option: what is wrong and where the right ones stand, not all of them. */
  private static int usage(ParameterException error) {
    CommandLine line = error.getCommandLine();
    line.getErr().println("error: " + error.getMessage());
    UnmatchedArgumentException.printSuggestions(error, line.getErr());
    line.getErr().println(line.getCommandSpec().qualifiedName() + " --help lists the options");
    return line.getCommandSpec().exitCodeOnInvalidInput();
  }

  private static int report(Exception error, PrintWriter err) {
    if (error instanceof Lora4jException known) {
      err.println("error: " + known.getMessage());
      if ("1".equals(System.getenv(DEBUG))) {
        error.printStackTrace(err);
      }
      return exitCode(known);
    }
    err.println("error: unexpected " + error);
    error.printStackTrace(err);
    err.println("This is a bug in lora4j. Please report it with the lines above and the output of `lora4j doctor`.");
    return 1;
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
