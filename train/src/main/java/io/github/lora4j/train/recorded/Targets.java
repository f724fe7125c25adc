package io.github.lora4j.train.recorded;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Host side of a task's label slots: one target per example is added in the order its sequences are packed, then all are written. */
public interface Targets {

  /** Says that so many rows of virtual tokens precede every sequence: what counts rows of tokens must know. */
  default void virtualRows(int rows) {}

  /**
   * Says which examples are to be learnt from together, before the first of them is added: what a loss divides by that compares them.
   *
   * @param examples all of a micro-batch, of which one pack may hold a part
   */
  default void together(List<Target> examples) {}

  /**
   * What is kept for metrics of the rows that the loss judged in the batch at hand.
   *
   * @param judged the rows, one behind another
   * @return the rows themselves, unless the task needs less of them
   */
  default List<float[]> kept(float[] judged, int columns) {
    List<float[]> rows = new ArrayList<>();
    for (int at = 0; at < judged.length; at += columns) {
      rows.add(Arrays.copyOfRange(judged, at, at + columns));
    }
    return rows;
  }

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
