package io.github.lora4j.inference.engine;

import io.github.lora4j.vector.ConfigException;
import java.time.Duration;

/**
 * How much an engine takes on.
 *
 * @param waiting sequences that may wait for room
 * @param queueTime how long one may wait
 * @param answerTime how long one may take from when it was asked for
 */
public record EngineLimits(int waiting, Duration queueTime, Duration answerTime) {

  /** 512 sequences wait, for a minute at most; ten minutes for an answer. */
  public static final EngineLimits DEFAULT = new EngineLimits(512, Duration.ofMinutes(1), Duration.ofMinutes(10));

  /** Checks the numbers. */
  public EngineLimits {
    if (waiting < 1 || queueTime.toMillis() < 1 || answerTime.toMillis() < 1) {
      throw new ConfigException("limits of an engine must be positive, got %d waiting, %s in the queue, %s for an answer"
          .formatted(waiting, queueTime, answerTime));
    }
  }
}
