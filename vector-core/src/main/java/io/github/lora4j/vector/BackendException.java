package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A backend or device asked for by name cannot be used; the message gives every reason and its fix. */
public final class BackendException extends Lora4jException {

  public BackendException(String message) {
    super(message, null);
  }

  public BackendException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
