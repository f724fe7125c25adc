package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;

/** Host side of a task's label slots: one target per example is added in the order its sequences are packed, then all are written. */
public interface Targets {

  /** Empties the batch. */
  void clear();

  /**
   * Adds the target of the next example.
   *
   * @throws ConfigException if it is not of the kind that the slots hold, or does not fit them
   */
  void add(Target target);

  /** Writes targets and their live counts. */
  void write(Executable to);

  /** An error for a target of another kind. */
  static ConfigException other(Target got, Class<? extends Target> expected) {
    return new ConfigException("the target of an example is %s, expected %s".formatted(got.getClass().getSimpleName(), expected.getSimpleName()));
  }
}
