package io.github.lora4j.serve.adapters;

import java.util.Optional;

/**
 * Which adapters clients may load.
 *
 * @param directory below which they lie; empty: none
 * @param bytes the files of one may have
 */
public record Loading(Optional<AllowedDirectory> directory, long bytes) {

  /** None. */
  public static final Loading NONE = new Loading(Optional.empty(), 1L << 30);
}
