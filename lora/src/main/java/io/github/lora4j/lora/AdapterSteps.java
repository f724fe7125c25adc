package io.github.lora4j.lora;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterParameters;
import io.github.lora4j.lora.parameters.ParameterGroup;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Optional;

/** An {@link Adapter} as the optimizer's step sees it: parameter groups, what is recorded beside the update, what happens on the host. */
public interface AdapterSteps extends AdapterParameters {

  /** The parameter groups that {@link AdapterParameter#group} points into. */
  default List<ParameterGroup> groups() {
    return List.of(new ParameterGroup("weights", 1, true), new ParameterGroup("biases and norms", 1, false));
  }

  /**
   * Records what belongs to an optimizer step before the update: gradients of terms of the parameters alone, added to the gradient sums.
   *
   * @param count the counted targets that the sums will be divided by [1, 1]
   */
  default void recordBeforeUpdate(Graph apply, Value count) { }

  /**
   * Records entries of its own that look at the updated parameters and the gradients that updated them; the {@link #hook} runs them.
   *
   * @param report (mean loss, gradient norm, factor from the gradient sums to the gradients used) [1, 3]
   * @return whether there are any: gradients are then cleared only after the hook
   */
  default boolean recordAfterUpdate(ProgramBuilder program, Value report) {
    return false;
  }

  /**
   * What happens on the host between steps.
   *
   * @param steps optimizer steps of the run
   * @throws ConfigException when the settings do not fit that number
   */
  default Optional<StepHook> hook(int steps) {
    return Optional.empty();
  }
}
