package io.github.lora4j.lora.plain;

import io.github.lora4j.lora.config.TiedEnds;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.WeightChange;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a merge does to parameters that share a tensor. PEFT's changes every module that shares it, whichever the adapter was on, and the
 * model no longer computes what was trained (peft #2018).
 */
record TiedMerge(ModelDescription model, Set<String> shared, Map<String, WeightChange> changes, Map<String, AdapterParameter> replaced) {

  /** The change of a parameter, which may be that of the parameter it shares. */
  Optional<WeightChange> change(String name) {
    return Optional.ofNullable(changes.containsKey(name) ? changes.get(name) : shares(name) ? changes.get(model.source(name)) : null);
  }

  /** The trained parameter in its stead. */
  Optional<AdapterParameter> replacement(String name) {
    return Optional.ofNullable(replaced.containsKey(name) ? replaced.get(name) : shares(name) ? replaced.get(model.source(name)) : null);
  }

  private boolean shares(String name) {
    return model.tied().containsKey(name) && shared.contains(model.source(name));
  }

  private boolean touched(String name) {
    return changes.containsKey(name) || replaced.containsKey(name);
  }

  /** Refuses what one tensor cannot hold. */
  void refuse() {
    Optional<TiedEnds> ends = TiedEnds.of(model);
    List<String> replicas = model.tied().keySet().stream().filter(alias -> ends.filter(t -> alias.equals(t.head() + ".weight")).isEmpty())
        .sorted().toList();
    List<String> apart = new ArrayList<>();
    model.tied().forEach((alias, source) -> {
      if (touched(alias) || touched(source) && !shared.contains(source)) {
        apart.add(alias + " and " + source);
      }
    });
    if (!apart.isEmpty()) {
      throw new ConfigException(("merge: these share their memory but not what the adapter changes, so one merged tensor would be wrong "
          + "for one of them: %s; use the adapter unmerged, or untie them, which writes both").formatted(Names.list(apart.stream().sorted()
              .toList())));
    }
    if (!replicas.isEmpty()) {
      throw new ConfigException(("merge: this model's replicated layers share their weights, which model files cannot say: %s; untie them, "
          + "which writes each layer").formatted(Names.list(replicas)));
    }
  }
}
