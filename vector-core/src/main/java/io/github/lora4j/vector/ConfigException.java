package io.github.lora4j.vector;

import org.jspecify.annotations.Nullable;

/** A setting, a shape or an argument is wrong; nothing was started. */
public final class ConfigException extends Lora4jException {

  public ConfigException(String message) {
    super(message, null);
  }

  public ConfigException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
