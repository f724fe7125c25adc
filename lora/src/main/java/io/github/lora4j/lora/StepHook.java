package io.github.lora4j.lora;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.parameters.AdapterValues;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an adapter does on the host between optimizer steps. One instance belongs to one run. The trainer owns the calls, so that a schedule
 * cannot be forgotten.
 */
public interface StepHook {

  /**
   * Called after the update of every step and before gradients are cleared; may run the entries that {@link Adapter#recordAfterUpdate}
   * recorded.
   *
   * @param done steps done, this one included
   * @return what the user should be told; usually nothing
   */
  List<String> afterUpdate(Executable executable, int done);

  /** Slots of the program that a checkpoint must hold for the run to go on exactly. */
  List<Value> state(Program program);

  /** What else a checkpoint must hold, as text. */
  Map<String, String> hostState();

  /** Takes up {@link #hostState} of a checkpoint; its slots are written back already. */
  void restore(Map<String, String> hostState);

  /** Ranks as they are now, for reports. */
  Optional<Ranks> ranks(Executable executable);

  /**
   * The adapter as training leaves it.
   *
   * @param values all parameters; copied where they are needed
   * @return adapter and values to save; the caller closes them
   */
  LoadedAdapter finish(AdapterValues values);

  /**
   * How a budget of ranks is spread.
   *
   * @param budget singular values that may be left
   * @param ofModule singular values that each module has, in the model's order
   * @param penalty the term beside the task's loss, such as orthogonality
   */
  record Ranks(int budget, Map<String, Integer> ofModule, double penalty) {}
}
