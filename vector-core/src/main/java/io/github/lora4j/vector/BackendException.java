package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A backend or device asked for by name cannot be used; the message gives every reason and its fix. */
public final class BackendException extends Lora4jException {

  /** With a message that says what was expected and found, and what to do. */
  public BackendException(String message) {
    super(message, null);
  }

  /** The same with what caused it. */
  public BackendException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
