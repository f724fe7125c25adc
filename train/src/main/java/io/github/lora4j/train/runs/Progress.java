package io.github.lora4j.train.runs;

import java.util.Map;
import java.util.Optional;

/**
 * How far a run has come, as a checkpoint says it beside the parameters.
 *
 * @param step optimizer steps done
 * @param evaluationDue whether the evaluation after that step is still to be made: the run was stopped while it lasted
 * @param best the best evaluation so far, where the recipe asks for it
 * @param method what the adapter's method must know on the host, see {@link io.github.lora4j.lora.StepHook#hostState}
 */
public record Progress(int step, boolean evaluationDue, Optional<Best> best, Map<String, String> method) {

  /** Nothing is done. */
  public static final Progress NONE = new Progress(0, false, Optional.empty(), Map.of());

  /** Copies what the method must know. */
  public Progress {
    method = Map.copyOf(method);
  }
}
