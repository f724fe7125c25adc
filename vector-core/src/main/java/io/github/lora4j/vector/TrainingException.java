package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A run went wrong in its numbers, for example a loss that is not finite; the message names the step and the site. */
public final class TrainingException extends Lora4jException {

  /** With a message that says what was expected and found, and what to do. */
  public TrainingException(String message) {
    super(message, null);
  }

  /** The same with what caused it. */
  public TrainingException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
