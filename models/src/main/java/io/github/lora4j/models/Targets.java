package io.github.lora4j.models;

import io.github.lora4j.graph.Executable;

/** Host side of a task's label slots: one label per example is added in the order its sequences are packed, then all are written. */
public interface Targets {

  /** Empties the batch. */
  void clear();

  /** Adds the label of the next example; empty where the task has none. */
  void add(float[] label);

  /** Writes labels and their live counts. */
  void write(Executable to);
}
