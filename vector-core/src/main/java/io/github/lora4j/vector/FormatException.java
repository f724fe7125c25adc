package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A file is broken, truncated, of an unknown kind, or does not fit what it was opened for. */
public final class FormatException extends Lora4jException {

  /** With a message that says what was expected and found, and what to do. */
  public FormatException(String message) {
    super(message, null);
  }

  /** The same with what caused it. */
  public FormatException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
