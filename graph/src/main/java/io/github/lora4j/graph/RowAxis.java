package io.github.lora4j.graph;

import io.github.lora4j.vector.ConfigException;

/**
 * A first dimension whose length changes from step to step: tokens of a batch, its sequences, its targets. Memory is planned for
 * {@code capacity} rows; the live count is data, read at each run, so one program serves every batch and nothing is padded.
 *
 * @param name unique in a program
 * @param capacity the most rows a run may have
 */
public record RowAxis(String name, int capacity) {

  /** Checks the capacity. */
  public RowAxis {
    if (capacity < 1) {
      throw new ConfigException("row axis %s: capacity must be positive, got %d".formatted(name, capacity));
    }
  }
}
