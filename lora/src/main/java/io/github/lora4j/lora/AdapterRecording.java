package io.github.lora4j.lora;

import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Value;
import io.github.lora4j.graph.VirtualTokens;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterParameters;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.List;
import java.util.OptionalInt;

/** An {@link Adapter} as whoever records a model sees it: what it changes at each site ({@link SiteHooks}) and before every sequence. */
public interface AdapterRecording extends SiteHooks, AdapterParameters {

  /** The entry of {@link #recordPrepare}. */
  String PREPARE = "prepare";

  /** Tokens that it puts before every sequence. */
  default VirtualTokens virtualTokens() {
    return VirtualTokens.NONE;
  }

  /**
   * Records the entry {@value #PREPARE}, if the adapter has anything to compute from parameters alone, once for each time they change; run before
   * the first forward pass and after each update.
   */
  default void recordPrepare(ProgramBuilder program) { }

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
  static void requireRecorded(AdapterRecording adapter, Program program) {
    List<String> missing = adapter.parameters().stream().filter(p -> p.elements() > 0).map(AdapterParameter::slot)
        .filter(slot -> program.slot(slot).filter(v -> v.role() == (adapter.frozen(slot) ? Value.Role.FROZEN : Value.Role.TRAINABLE)).isEmpty())
        .toList();
    if (!missing.isEmpty()) {
      throw new ConfigException(("the recorded program does not use these adapter parameters, so they would never train: %s; exclude "
          + "their modules")
          .formatted(Names.list(missing)));
    }
  }
}
