package io.github.lora4j.lora;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * An adapter on a model: what it changes at each site ({@link SiteHooks}) and which parameters it trains. It holds settings and names, no
 * values: those lie in the program's slots while training and in {@link AdapterValues} otherwise. Stateless, so one instance serves every
 * recording.
 */
public interface Adapter extends SiteHooks {

  /** The entry of {@link #recordPrepare}. */
  String PREPARE = "prepare";

  /** Everything that trains, in the order of the model's modules: the adapter's own tensors, then those of the base model. */
  List<AdapterParameter> parameters();

  /** The parameter groups that {@link AdapterParameter#group} points into. */
  default List<ParameterGroup> groups() {
    return List.of(new ParameterGroup("weights", 1, true), new ParameterGroup("biases and norms", 1, false));
  }

  /** The content of {@code adapter_config.json}, for adapters that PEFT has a form for. */
  default Map<String, Object> peftConfig() {
    throw new ConfigException(getClass().getSimpleName() + " has no form that PEFT could read");
  }

  /** What the user should be told although it is no error. */
  default List<String> notes() {
    return List.of();
  }

  /** Frozen slots that hold norms of base weights: by the slot's name. Whoever loads the base model fills them. */
  default Map<String, BaseNorm> baseNorms() {
    return Map.of();
  }

  /** Frozen slots that hold rows of base weights: by the slot's name. Whoever loads the base model fills them. */
  default Map<String, BaseRows> baseRows() {
    return Map.of();
  }

  /** What files hold beside the parameters: see {@link StoredCopy}. */
  default List<StoredCopy> storedCopies() {
    return List.of();
  }

  /**
   * Base parameters that are changed alike for every module that shares them, as opposed to those that only one end of a tie sees changed.
   *
   * @see ModelDescription#tied
   */
  default Set<String> sharedChanges() {
    return Set.of();
  }

  /** Tokens that it puts before every sequence. */
  default VirtualTokens virtualTokens() {
    return VirtualTokens.NONE;
  }

  /** The form in which files hold it, where that differs from the one programs run; the caller closes it. */
  default Optional<PeftFormat.Loaded> stored(AdapterValues values) {
    return Optional.empty();
  }

  /** The form that programs run, where that differs from the one that files hold; the caller closes it. */
  default Optional<PeftFormat.Loaded> runnable(AdapterValues values) {
    return Optional.empty();
  }

  /** Values of frozen slots that follow from the adapter's values where training starts, by the slot's name. */
  default Map<String, float[]> constants(AdapterValues values) {
    return Map.of();
  }

  /** Parameters that start from base weights, and what that does to those: by the weight's name. Whoever loads the base model obeys. */
  default Map<String, BaseStart> baseStarts() {
    return Map.of();
  }

  /**
   * The adapter for the base model as it is in its files, where training changed the base (see {@link #baseStarts}); otherwise this one.
   *
   * @param start what the adapter's parameters were before training
   * @return adapter and values, which the caller closes
   */
  default PeftFormat.Loaded onUntouchedBase(AdapterValues values, AdapterValues start) {
    return new PeftFormat.Loaded(this, values.copy(parameters()));
  }

  /**
   * Records the entry {@value #PREPARE}, if the adapter has anything to compute from parameters alone, once for each time they change; run before
   * the first forward pass and after each update.
   */
  default void recordPrepare(ProgramBuilder program) { }

  /**
   * Writes slots that the adapter fills itself, beside its {@link #parameters}; called before runs, cheap when nothing has changed.
   *
   * @param written what the last call for this executable returned; 0 at first
   * @return a mark of what is written now
   */
  default long refresh(Executable executable, long written) {
    return written;
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

  /**
   * How merging changes tensors of the base model, by their names; parameters that {@link AdapterParameter#ofBase replace} the base's own
   * are not among them.
   *
   * @param values used while the changes are applied
   * @throws ConfigException when this kind of adapter cannot be merged
   */
  default Map<String, WeightChange> weightChanges(AdapterValues values) {
    if (parameters().stream().allMatch(AdapterParameter::ofBase)) {
      return Map.of();
    }
    throw new ConfigException(getClass().getSimpleName() + " cannot be merged into weights: use it unmerged");
  }

  /** The adapter that is merged in this one's stead, with its values; the caller closes it. */
  default PeftFormat.Loaded mergeable(AdapterValues values) {
    return new PeftFormat.Loaded(this, values.copy(parameters()));
  }

  /**
   * The same function as plain LoRA, for programs that know no other adapter.
   *
   * @return adapter and values, which the caller closes
   * @throws ConfigException when there is no such form
   */
  default PeftFormat.Loaded toLora(AdapterValues values) {
    throw new ConfigException(getClass().getSimpleName() + " has no form as plain LoRA");
  }

  @Override
  default OptionalInt trainableGroup(String parameter) {
    return parameters().stream().filter(p -> p.ofBase() && p.slot().equals(parameter)).mapToInt(AdapterParameter::group).findFirst();
  }

  /**
   * Checks that a recorded program holds every parameter.
   *
   * @throws ConfigException listing those that no site asked for: the model's recording and its description differ, or the site lies
   *     behind the outputs the task reads
   */
  default void requireRecorded(Program program) {
    List<String> missing = parameters().stream().filter(p -> p.elements() > 0).map(AdapterParameter::slot)
        .filter(slot -> program.slot(slot).filter(v -> v.role() == (frozen(slot) ? Value.Role.FROZEN : Value.Role.TRAINABLE)).isEmpty())
        .toList();
    if (!missing.isEmpty()) {
      throw new ConfigException(("the recorded program does not use these adapter parameters, so they would never train: %s; exclude "
          + "their modules")
          .formatted(Problems.some(missing)));
    }
  }
}
