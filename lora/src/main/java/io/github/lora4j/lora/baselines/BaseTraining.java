package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Training of the base model's own parameters: all of them, or the biases alone (BitFit; Ben Zaken et al., ACL 2022), with the head of the
 * task. What adapters are measured against. Saved in the form of PEFT's directories, though PEFT itself has no such method; {@code merge}
 * makes a plain model of it.
 */
public final class BaseTraining implements Adapter {

  /** Which parameters train. */
  public enum Scope {
    /** Every parameter. */
    FULL,
    /** Every bias, and the head. */
    BITFIT
  }

  private final Scope scope;
  private final Map<String, Object> config = new LinkedHashMap<>();
  private final List<AdapterParameter> parameters = new ArrayList<>();
  private final Map<String, Integer> groups = new LinkedHashMap<>();
  private final Set<String> shared = new LinkedHashSet<>();

  /**
   * Selects the parameters.
   *
   * @param settings names the modules that train whole, the task's head among them
   */
  BaseTraining(Scope scope, ModelDescription model, BaselineSettings settings) {
    this.scope = scope;
    parameters.addAll(select(model, module -> scope == Scope.FULL || settings.saves(module.name()), true, AdapterParameter.PREFIX));
    parameters.forEach(p -> groups.put(p.slot(), p.group()));
    model.tied().keySet().forEach(name -> shared.add(model.source(name)));
    if (parameters.isEmpty()) {
      throw new ConfigException("%s: this model's description names no parameter to train".formatted(scope));
    }
    config.putAll(settings.config(scope.name()));
  }

  /**
   * Parameters of the base model; one that is another's trains where it lies, for all that share it.
   *
   * @param whole modules of which every parameter is taken
   * @param biases whether the biases of the others are, too
   * @param prefix before the names in the file
   */
  static List<AdapterParameter> select(ModelDescription model, Predicate<ModuleInfo> whole, boolean biases, String prefix) {
    List<AdapterParameter> selected = new ArrayList<>();
    for (ModuleInfo module : model.modules()) {
      ModelDescription.parameters(module).forEach((name, shape) -> {
        boolean bias = name.endsWith(".bias");
        if (!model.tied().containsKey(name) && (whole.test(module) || biases && bias)) {
          int group = bias || module.kind() == ModuleInfo.Kind.LAYER_NORM ? 1 : 0;
          selected.add(AdapterParameter.ofBase(module, name, prefix + name, shape, group));
        }
      });
    }
    return selected;
  }

  @Override
  public Set<String> sharedChanges() {
    return Collections.unmodifiableSet(shared);
  }

  /** What trains. */
  public Scope scope() {
    return scope;
  }

  @Override
  public List<AdapterParameter> parameters() {
    return Collections.unmodifiableList(parameters);
  }

  @Override
  public OptionalInt trainableGroup(String parameter) {
    Integer group = groups.get(parameter);
    return group == null ? OptionalInt.empty() : OptionalInt.of(group);
  }

  @Override
  public Map<String, Object> peftConfig() {
    return Collections.unmodifiableMap(config);
  }
}
