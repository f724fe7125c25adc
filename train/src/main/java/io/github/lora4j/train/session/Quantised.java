package io.github.lora4j.train.session;

import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.parameters.BaseStart;
import io.github.lora4j.models.Weights;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Elements;
import io.github.lora4j.vector.WeightFormat;
import java.util.Optional;

/** What cannot be done with weights that their file has quantised. */
final class Quantised {

  private Quantised() {}

  /**
   * Refuses to train such a weight, and to start from a part of it.
   *
   * @throws ConfigException that names the weight, the reason and the way out
   */
  static void check(Adapter adapter, Weights weights, Program program) {
    program.slots().values().stream().filter(slot -> slot.role() == Value.Role.TRAINABLE)
        .forEach(slot -> blocks(weights, slot.name()).ifPresent(format -> {
          throw new ConfigException(("%s is stored as %s: steps of training are far smaller than those between its values, so it stays as it is. Leave it out "
              + "of modules_to_save (or of what is trained), train an adapter on it, or take the model that is not quantised").formatted(slot.name(),
              format.name()));
        }));
    for (BaseStart start : adapter.baseStarts().values()) {
      if (start.init().changesBase()) {
        blocks(weights, start.weight()).ifPresent(format -> {
          throw new ConfigException(("%s is stored as %s, and init_lora_weights takes the adapter's start out of it: what is left would have to be quantised "
              + "again, and would be another model than the file. Choose init_lora_weights: true, or take the model that is not quantised and say "
              + "weights: %s").formatted(start.weight(), format.name(), format.name()));
        });
      }
    }
  }

  private static Optional<WeightFormat> blocks(Weights weights, String name) {
    return weights.format(name).filter(format -> !(format instanceof Elements));
  }
}
