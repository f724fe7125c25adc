package io.github.lora4j.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** Training without an adapter: "full" and "bitfit" in a recipe. */
public abstract sealed class BaseTrainingMethod implements AdapterMethod {

  private final BaseTraining.Scope scope;
  private final double rate;

  private BaseTrainingMethod(BaseTraining.Scope scope, double rate) {
    this.scope = scope;
    this.rate = rate;
  }

  /** Full fine-tuning. */
  public static final class Full extends BaseTrainingMethod {
    /** For the service loader. */
    public Full() {
      super(BaseTraining.Scope.FULL, 5e-5);
    }
  }

  /** Biases alone. */
  public static final class BitFit extends BaseTrainingMethod {
    /** For the service loader. */
    public BitFit() {
      super(BaseTraining.Scope.BITFIT, 1e-3);
    }
  }

  @Override
  public String name() {
    return scope.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String peftType() {
    return scope.name();
  }

  @Override
  public OptionalDouble learningRate() {
    return OptionalDouble.of(rate);
  }

  @Override
  public Adapter create(Map<String, ?> settings, ModelDescription model) {
    return read(settings, model, name(), true);
  }

  @Override
  public Adapter restore(Map<String, ?> config, ModelDescription model) {
    return read(config, model, "adapter_config.json", false);
  }

  private Adapter read(Map<String, ?> values, ModelDescription model, String where, boolean strict) {
    Problems problems = new Problems();
    Settings in = new Settings(values, problems);
    List<String> save = new ArrayList<>(in.strings("modules_to_save"));
    Map<String, Object> names = new LinkedHashMap<>();
    for (String key : List.of("task_type", "base_model_name_or_path")) {
      names.put(key, in.string(key).orElse(null));
    }
    if (names.get("task_type") instanceof String task) {
      for (TaskType type : TaskType.values()) {
        if (type.name().equals(task)) {
          type.heads().stream().filter(head -> !save.contains(head)).forEach(save::add);
        }
      }
    }
    in.any("peft_type");
    if (strict) {
      in.refuseUnknown();
      save.stream().filter(name -> !TaskType.SEQ_CLS.heads().contains(name) && AttachChecks.modulesOf(model, name).isEmpty())
          .forEach(name -> problems.add("modules_to_save entry '%s' matches no module", name));
    }
    problems.raise(where);
    return new BaseTraining(scope, model, save, names);
  }
}
