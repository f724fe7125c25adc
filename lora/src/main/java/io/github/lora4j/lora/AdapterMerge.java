package io.github.lora4j.lora;

import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterParameters;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.vector.ConfigException;
import java.util.Map;
import java.util.Set;

/** An {@link Adapter} as whoever puts it into weights, or into another form, sees it. */
public interface AdapterMerge extends AdapterParameters {

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

  /**
   * Base parameters that are changed alike for every module that shares them, as opposed to those that only one end of a tie sees changed.
   *
   * @see ModelDescription#tied
   */
  default Set<String> sharedChanges() {
    return Set.of();
  }

  /** The adapter that is merged in this one's stead, with its values; the caller closes it. */
  LoadedAdapter mergeable(AdapterValues values);

  /**
   * The same function as plain LoRA, for programs that know no other adapter.
   *
   * @return adapter and values, which the caller closes
   * @throws ConfigException when there is no such form
   */
  default LoadedAdapter toLora(AdapterValues values) {
    throw new ConfigException(getClass().getSimpleName() + " has no form as plain LoRA");
  }
}
