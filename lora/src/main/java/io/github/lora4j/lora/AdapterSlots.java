package io.github.lora4j.lora;

import io.github.lora4j.graph.Executable;
import io.github.lora4j.lora.parameters.AdapterParameters;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.BaseNorm;
import io.github.lora4j.lora.parameters.BaseRows;
import io.github.lora4j.lora.parameters.BaseStart;
import java.util.Map;

/** An {@link Adapter} as whoever loads a compiled program sees it: what its slots hold beside its {@link #parameters}. */
public interface AdapterSlots extends AdapterParameters {

  /** Frozen slots that hold norms of base weights: by the slot's name. Whoever loads the base model fills them. */
  default Map<String, BaseNorm> baseNorms() {
    return Map.of();
  }

  /** Frozen slots that hold rows of base weights: by the slot's name. Whoever loads the base model fills them. */
  default Map<String, BaseRows> baseRows() {
    return Map.of();
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
   * Writes slots that the adapter fills itself, beside its {@link #parameters}; called before runs, cheap when nothing has changed.
   *
   * @param written what the last call for this executable returned; 0 at first
   * @return a mark of what is written now
   */
  default long refresh(Executable executable, long written) {
    return written;
  }
}
