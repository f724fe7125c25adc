package io.github.lora4j.lora.baselines;

import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
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
    BaselineSettings shared = BaselineSettings.read(in);
    if (strict) {
      in.refuseUnknown();
      shared.check(problems, model);
    }
    problems.raise(where);
    return new BaseTraining(scope, model, shared);
  }
}
