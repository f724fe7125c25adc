package io.github.lora4j.cli;

import io.github.lora4j.cli.bench.BenchCommand;
import io.github.lora4j.cli.demo.DemoCommand;
import io.github.lora4j.cli.generate.ChatCommand;
import io.github.lora4j.cli.generate.GenerateCommand;
import io.github.lora4j.cli.serve.ServeCommand;
import io.github.lora4j.vector.Lora4jException;
import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The {@code lora4j} command. Exit codes: 0 done, 1 a bug (with its stack trace), 2 wrong options or settings, 3 a file,
 * 4 memory or disk, 5 a backend, 6 the numbers of a training run, 130 stopped by Ctrl-C.
 */
@Command(name = "lora4j", mixinStandardHelpOptions = true, description = "Fine-tunes language models on the JVM.")
public final class Main implements Runnable {

  /** In the order of the help. */
  private static final List<Class<?>> VERBS = List.of(DemoCommand.class, TrainCommand.class, PlanCommand.class, DataCommand.class, EvalCommand.class,
      PredictCommand.class, GenerateCommand.class, ChatCommand.class, ServeCommand.class, MergeCommand.class, ExportCommand.class,
      InspectCommand.class, DoctorCommand.class, BenchCommand.class);

  private Main() {}

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] args) {
    // Numbers are printed alike for everyone: others paste them into files and programs.
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    System.exit(start(args));
  }

  /** What the command knows comes from services, which may be wrong before any argument is read. */
  private static int start(String... args) {
    try {
      Optional<ServeCommand> serve = args.length > 0 && args[0].equals("serve") ? ServeCommand.plain(List.of(args).subList(1, args.length)) : Optional.empty();
      return serve.isPresent() ? serve(serve.get(), args) : run(commandLine(args), args);
    } catch (Lora4jException | Error e) {
      return Failure.report(e, new PrintWriter(System.err, true, System.err.charset()));
    }
  }

  private static int serve(ServeCommand command, String... args) {
    try {
      Arguments.of(args, Failure.encoding(), System.getenv());
      return command.call();
    } catch (Exception | Error e) {
      return Failure.report(e, new PrintWriter(System.err, true, System.err.charset()));
    }
  }

  /** Parses and runs; also for tests. */
  static int run(CommandLine command, String... args) {
    try {
      return command.execute(Arguments.of(args, Failure.encoding(), System.getenv()));
    } catch (Lora4jException | Error e) {
      return Failure.report(e, command.getErr());
    }
  }

  /** The command with all of its verbs and its error handling. */
  static CommandLine commandLine() {
    return commandLine(VERBS);
  }

  /** The command for these arguments: to read what all verbs can be told takes longer than many a command, so the one they begin with is there alone. */
  private static CommandLine commandLine(String... args) {
    String first = args.length == 0 ? "" : args[0];
    // By the name of the class, whose annotations take as long to read as all else up to here.
    String type = first.isEmpty() ? "" : first.substring(0, 1).toUpperCase(Locale.ROOT) + first.substring(1) + "Command";
    List<Class<?>> chosen = VERBS.stream().filter(verb -> verb.getSimpleName().equals(type)).toList();
    return commandLine(chosen.isEmpty() ? VERBS : chosen);
  }

  private static CommandLine commandLine(List<Class<?>> verbs) {
    CommandLine command = new CommandLine(new Main());
    command.getCommandSpec().version(version());
    for (Class<?> type : verbs) {
      CommandLine verb = new CommandLine(type);
      CommandSpec spec = verb.getCommandSpec();
      spec.version(version());
      switch (verb.getCommand()) {
        case TrainCommand _, PlanCommand _ -> RecipeArguments.addSettings(spec);
        case GenerateCommand _ -> GenerateCommand.addSettings(spec);
        case ChatCommand _ -> ChatCommand.addSettings(spec);
        case Object _ -> { }
      }
      command.addSubcommand(verb);
    }
    command.setOverwrittenOptionsAllowed(true);
    command.registerConverter(Path.class, Main::path);
    command.setUsageHelpAutoWidth(true);
    command.setParameterExceptionHandler((error, wrong) -> usage(error));
    command.setExecutionExceptionHandler((error, line, parsed) -> Failure.report(error, line.getErr()));
    return command;
  }

  /** What --version prints: lora4j's own, which its jar knows, and that of the Java it runs on. */
  private static String version() {
    String own = Main.class.getPackage().getImplementationVersion();
    return "lora4j %s, Java %s (%s)".formatted(own == null ? "from classes without a jar" : own, Runtime.version(), System.getProperty("java.vendor"));
  }

  /** A path; ~ is the home directory also where no shell has seen it, as in {@code --model=~/bert}. */
  private static Path path(String text) {
    try {
      return Path.of(text.equals("~") || text.startsWith("~/") ? System.getProperty("user.home") + text.substring(1) : text);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(Failure.invalid(e));
    }
  }

  /** A wrong option: what is wrong and where the right ones stand, not all of them. */
  private static int usage(ParameterException error) {
    CommandLine line = error.getCommandLine();
    line.getErr().println("error: " + error.getMessage());
    UnmatchedArgumentException.printSuggestions(error, line.getErr());
    line.getErr().println(line.getCommandSpec().qualifiedName() + " --help lists the options");
    return line.getCommandSpec().exitCodeOnInvalidInput();
  }

  /** Without a verb: the help. */
  @Override
  public void run() {
    CommandLine.usage(this, System.out);
  }
}
