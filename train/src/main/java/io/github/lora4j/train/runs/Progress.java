package io.github.lora4j.train.runs;

import java.util.Map;

/**
 * How far a run has come, as a checkpoint says it beside the parameters.
 *
 * @param step optimizer steps done
 * @param evaluationDue whether the evaluation after that step is still to be made: the run was stopped while it lasted
 * @param method what the adapter's method must know on the host, see {@link io.github.lora4j.lora.StepHook#hostState}
 */
public record Progress(int step, boolean evaluationDue, Map<String, String> method) {

  /** Nothing is done. */
  public static final Progress NONE = new Progress(0, false, Map.of());

  /** Copies what the method must know. */
  public Progress {
    method = Map.copyOf(method);
  }
}
