package io.github.lora4j.cli;

import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.TrainingException;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.InvalidPathException;
import java.util.ServiceConfigurationError;

/** What the command says of an error, and its exit code. */
final class Failure {

  /** Set to 1, it shows the stack trace of every error. */
  static final String DEBUG = "LORA4J_DEBUG";

  private static final int BUG = 1;
  private static final int SETTINGS = 2;
  private static final int MEMORY = 4;

  private Failure() {}

  /** Prints the error and returns the exit code. */
  static int report(Throwable error, PrintWriter err) {
    int code = switch (error) {
      case Lora4jException known -> say(known.getMessage(), exitCode(known), err);
      // What services have to say of one another as they are loaded.
      case ExceptionInInitializerError start when start.getCause() instanceof Lora4jException known -> say(known.getMessage(), exitCode(known), err);
      case ServiceConfigurationError service -> say("a service on the class path cannot be used: " + service.getMessage(), SETTINGS, err);
      case InvalidPathException path -> say(invalid(path), SETTINGS, err);
      default -> memory(error, err);
    };
    if (code == BUG) {
      err.println("error: unexpected " + error);
      error.printStackTrace(err);
      err.println("This is a bug in lora4j. Please report it with the lines above and the output of `lora4j doctor`.");
    } else if ("1".equals(System.getenv(DEBUG))) {
      error.printStackTrace(err);
    }
    err.flush();
    return code;
  }

  /** An error of the JVM's memory, also where another exception carries it; BUG if it is none. */
  private static int memory(Throwable error, PrintWriter err) {
    long heap = Runtime.getRuntime().maxMemory() >> 20;
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof OutOfMemoryError) {
        return say("Java ran out of memory (%s); its heap may have %,d MB: raise that with LORA4J_JAVA_OPTS=-Xmx%dm, or give it less to hold"
            .formatted(cause.getMessage(), heap, 2 * heap), MEMORY, err);
      }
      if (cause instanceof StackOverflowError) {
        return say("Java's stack is full: something in the settings or files is nested too deeply; raise the stack with"
            + " LORA4J_JAVA_OPTS=-Xss16m if it must be", MEMORY, err);
      }
    }
    return BUG;
  }

  /** What is wrong with a path, without its control characters. */
  static String invalid(InvalidPathException path) {
    Charset encoding = encoding();
    boolean mapped = encoding.newEncoder().canEncode(path.getInput());
    return "the path \"%s\" cannot be used: %s".formatted(path.getInput().replaceAll("\\p{Cntrl}|\\p{Cs}", "?"),
        mapped ? path.getReason() : "it has characters that are not in %s, the encoding of file names here; %s"
            .formatted(encoding, Arguments.remedy(encoding)));
  }

  /** The encoding of arguments and file names. */
  static Charset encoding() {
    return Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
  }

  private static int say(String message, int code, PrintWriter err) {
    err.println("error: " + message);
    return code;
  }

  private static int exitCode(Lora4jException error) {
    return switch (error) {
      case ConfigException e -> SETTINGS;
      case FormatException e -> 3;
      case ResourceException e -> MEMORY;
      case BackendException e -> 5;
      case TrainingException e -> 6;
    };
  }
}
