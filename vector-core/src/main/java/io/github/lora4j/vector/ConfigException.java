package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A setting, a shape or an argument is wrong; nothing was started. */
public final class ConfigException extends Lora4jException {

  /** With a message that says what was expected and found, and what to do. */
  public ConfigException(String message) {
    super(message, null);
  }

  /** The same with what caused it. */
  public ConfigException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
