package io.github.lora4j.vector;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Root of every error lora4j raises on purpose. The message says what happened, where (tensor, site, file, key), what was
 * expected against what was found, and what to do. The leaves say whose turn it is:
 * {@link ConfigException} the user's settings, {@link FormatException} a file, {@link ResourceException} memory or disk,
 * {@link BackendException} a device, {@link TrainingException} the numbers of a run.
 */
public abstract sealed class Lora4jException extends RuntimeException
    permits ConfigException, FormatException, ResourceException, BackendException, TrainingException {

  /** A message quotes names from files: it must neither act on a terminal nor fill it. */
  Lora4jException(String message, @Nullable Throwable cause) {
    super(Names.printableLines(String.valueOf(message)), cause);
  }

  /** What happened; there always is a message. */
  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage(), "the constructor sets one");
  }
}
