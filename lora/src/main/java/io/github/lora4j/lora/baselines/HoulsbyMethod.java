package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import io.github.lora4j.vector.Activation;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** Bottleneck adapters, "houlsby" in a recipe: bottleneck_size, non_linearity, train_layer_norms, target_modules, modules_to_save. */
public final class HoulsbyMethod implements AdapterMethod {

  @Override
  public String name() {
    return "houlsby";
  }

  @Override
  public String peftType() {
    return "HOULSBY";
  }

  @Override
  public OptionalDouble learningRate() {
    return OptionalDouble.of(1e-3);
  }

  @Override
  public HoulsbyAdapter create(Map<String, ?> settings, ModelDescription model) {
    return read(settings, model, name(), true);
  }

  @Override
  public HoulsbyAdapter restore(Map<String, ?> config, ModelDescription model) {
    return read(config, model, "adapter_config.json", false);
  }

  private static HoulsbyAdapter read(Map<String, ?> values, ModelDescription model, String where, boolean strict) {
    Problems problems = new Problems();
    Settings in = new Settings(values, problems);
    BaselineSettings shared = BaselineSettings.read(in);
    int size = in.integer("bottleneck_size", 64);
    if (size < 1 || size > 1 << 16) {
      problems.add("bottleneck_size must be between 1 and %d, got %d", 1 << 16, size);
    }
    String function = in.string("non_linearity").orElse("gelu");
    Activation nonLinearity = Activation.GELU;
    try {
      nonLinearity = Activation.valueOf(function.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      problems.add("non_linearity must be one of %s, got '%s'", String.join(", ", Arrays.stream(Activation.values())
          .map(f -> f.name().toLowerCase(Locale.ROOT)).toList()), function);
    }
    boolean norms = in.any("train_layer_norms").isEmpty() || in.bool("train_layer_norms");
    List<String> targets = in.any("target_modules").isPresent() ? in.strings("target_modules") : model.places().blockOutputs();
    if (targets.isEmpty()) {
      problems.add("target_modules is not set and architecture '%s' has no default: name the last linear module of each block",
          model.modelType());
    }
    List<ModuleInfo> blocks = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR || m.kind() == ModuleInfo.Kind.CONV1D)
        .filter(m -> targets.stream().anyMatch(t -> TargetSelector.endsWith(m.name(), t))).toList();
    targets.stream().filter(t -> blocks.stream().noneMatch(m -> TargetSelector.endsWith(m.name(), t)))
        .forEach(t -> problems.add("target_modules entry '%s' matches no linear module", t));
    if (strict) {
      in.refuseUnknown();
      shared.check(problems, model);
    }
    problems.raise(where);
    return new HoulsbyAdapter(new HoulsbyAdapter.Options(targets, size, nonLinearity, norms), model, blocks, shared);
  }
}
