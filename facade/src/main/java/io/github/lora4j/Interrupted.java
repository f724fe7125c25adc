package io.github.lora4j;

import java.util.concurrent.CancellationException;

/** What an interrupt becomes. */
final class Interrupted {

  private Interrupted() {}

  /** The thread stays interrupted, as whoever interrupted it expects. */
  static CancellationException now(String what) {
    Thread.currentThread().interrupt();
    return new CancellationException(what + " was interrupted");
  }
}
