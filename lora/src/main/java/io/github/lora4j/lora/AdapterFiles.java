package io.github.lora4j.lora;

import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterParameters;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An {@link Adapter} as whoever reads and writes its files sees it. */
public interface AdapterFiles extends AdapterParameters {

  /** The content of {@code adapter_config.json}, for adapters that PEFT has a form for. */
  default Map<String, Object> peftConfig() {
    throw new ConfigException(getClass().getSimpleName() + " has no form that PEFT could read");
  }

  /** What stands before the names of the base's parameters in files. */
  default String basePrefix() {
    return AdapterParameter.PREFIX;
  }

  /** What files hold beside the parameters: see {@link StoredCopy}. */
  default List<StoredCopy> storedCopies() {
    return List.of();
  }

  /** The form in which files hold it, where that differs from the one programs run; the caller closes it. */
  default Optional<LoadedAdapter> stored(AdapterValues values) {
    return Optional.empty();
  }

  /** The form that programs run, where that differs from the one that files hold; the caller closes it. */
  default Optional<LoadedAdapter> runnable(AdapterValues values) {
    return Optional.empty();
  }

  /**
   * The adapter for the base model as it is in its files, where training changed the base (see {@link Adapter#baseStarts}); otherwise this
   * one.
   *
   * @param start what the adapter's parameters were before training
   * @return adapter and values, which the caller closes; good for as long as the values given are
   */
  LoadedAdapter onUntouchedBase(AdapterValues values, AdapterValues start);
}
