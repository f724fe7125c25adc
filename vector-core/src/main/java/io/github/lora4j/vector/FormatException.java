package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A file is broken, truncated, of an unknown kind, or does not fit what it was opened for. */
public final class FormatException extends Lora4jException {

  public FormatException(String message) {
    super(message, null);
  }

  public FormatException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
