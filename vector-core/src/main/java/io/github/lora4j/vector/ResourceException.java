package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** Memory, disk or another resource of the machine does not suffice; the message names the knob to turn. */
public final class ResourceException extends Lora4jException {

  /** With a message that says what was expected and found, and what to do. */
  public ResourceException(String message) {
    super(message, null);
  }

  /** The same with what caused it. */
  public ResourceException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
