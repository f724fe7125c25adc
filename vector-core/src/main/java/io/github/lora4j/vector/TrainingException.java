package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A run went wrong in its numbers, for example a loss that is not finite; the message names the step and the site. */
public final class TrainingException extends Lora4jException {

  public TrainingException(String message) {
    super(message, null);
  }

  public TrainingException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
