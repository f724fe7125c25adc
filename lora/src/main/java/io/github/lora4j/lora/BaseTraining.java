package io.github.lora4j.lora;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

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

  /**
   * Selects the parameters.
   *
   * @param modulesToSave modules that train whole, beside the task's head
   */
  BaseTraining(Scope scope, ModelDescription model, List<String> modulesToSave, Map<String, Object> names) {
    this.scope = scope;
    for (ModuleInfo module : model.modules()) {
      boolean whole = scope == Scope.FULL || TargetSelector.inModulesToSave(module.name(), modulesToSave);
      ModelDescription.parameters(module).forEach((name, shape) -> {
        boolean bias = name.endsWith(".bias");
        if (whole || bias) {
          int group = bias || module.kind() == ModuleInfo.Kind.LAYER_NORM ? 1 : 0;
          parameters.add(AdapterParameter.ofBase(module, name, AdapterParameter.PREFIX + name, shape, group));
          groups.put(name, group);
        }
      });
    }
    if (parameters.isEmpty()) {
      throw new ConfigException("%s: this model's description names no parameter to train".formatted(scope));
    }
    config.put("peft_type", scope.name());
    config.put("modules_to_save", modulesToSave.isEmpty() ? null : modulesToSave);
    config.putAll(names);
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
