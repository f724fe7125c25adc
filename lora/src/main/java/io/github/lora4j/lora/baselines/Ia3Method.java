package io.github.lora4j.lora.baselines;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.LoraConfigJson;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.plain.LoraAdapter;
import io.github.lora4j.lora.plain.LoraMethod;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** (IA)³, "ia3" in a recipe; peft_type IA3. */
public final class Ia3Method implements AdapterMethod {

  @Override
  public String name() {
    return "ia3";
  }

  @Override
  public String peftType() {
    return "IA3";
  }

  @Override
  public OptionalDouble learningRate() {
    return OptionalDouble.of(1e-2);
  }

  @Override
  public Ia3Adapter create(Map<String, ?> settings, ModelDescription model) {
    return read(settings, model, "ia3", true);
  }

  @Override
  public Ia3Adapter restore(Map<String, ?> config, ModelDescription model) {
    return read(config, model, "adapter_config.json", false);
  }

  private static Ia3Adapter read(Map<String, ?> values, ModelDescription model, String where, boolean strict) {
    Problems problems = new Problems();
    Settings in = new Settings(values, problems);
    boolean ours = in.any("target_modules").isEmpty();
    List<String> targets = ours ? model.places().ia3() : in.strings("target_modules");
    List<String> feedforward = in.any("feedforward_modules").map(v -> in.strings("feedforward_modules"))
        .orElse(ours ? model.places().ia3Feedforward() : List.of());
    if (targets.isEmpty()) {
      problems.add("target_modules is not set and architecture '%s' has no default for (IA)3", model.modelType());
    }
    Map<String, Object> rest = new LinkedHashMap<>();
    for (String key : List.of("task_type", "base_model_name_or_path", "modules_to_save", "revision", "fan_in_fan_out", "exclude_modules")) {
      in.any(key).ifPresent(value -> rest.put(key, value));
    }
    List.of("peft_type", "peft_version", "inference_mode", "auto_mapping", "init_ia3_weights").forEach(in::any);
    if (strict) {
      in.refuseUnknown();
    }
    problems.raise(where);
    // Which modules a list names is one rule for all of PEFT's methods: LoRA's selection serves.
    rest.put("target_modules", targets);
    LoraConfig config = LoraConfigJson.read(rest, where, false);
    LoraAdapter selection = strict ? new LoraMethod().create(config, model) : new LoraMethod().restore(config, model);
    List<ModuleInfo> selected = selection.sites().values().stream().map(site -> site.target().module()).toList();
    List<String> inputs = selected.stream().map(ModuleInfo::name)
        .filter(name -> feedforward.stream().anyMatch(f -> TargetSelector.endsWith(name, f))).toList();
    feedforward.stream().filter(f -> selected.stream().noneMatch(m -> TargetSelector.endsWith(m.name(), f)))
        .forEach(f -> problems.add("feedforward_modules entry '%s' is not among target_modules", f));
    selected.stream().filter(m -> m.kind() == ModuleInfo.Kind.EMBEDDING || m.kind() == ModuleInfo.Kind.CONVOLUTION)
        .forEach(m -> problems.add("(IA)3 on %s, a module of kind %s, is not supported", m.name(), m.kind().torchName()));
    problems.raise(where);
    return new Ia3Adapter(write(selection.config(), targets, feedforward), selected, inputs, selection);
  }

  private static Map<String, Object> write(LoraConfig config, List<String> targets, List<String> feedforward) {
    Map<String, Object> lora = config.toPeft();
    Map<String, Object> out = new LinkedHashMap<>();
    for (String key : List.of("auto_mapping", "base_model_name_or_path", "exclude_modules", "fan_in_fan_out", "inference_mode", "modules_to_save",
        "peft_version", "revision", "task_type")) {
      out.put(key, lora.get(key));
    }
    out.put("peft_type", "IA3");
    out.put("init_ia3_weights", true);
    out.put("target_modules", targets);
    out.put("feedforward_modules", feedforward);
    return out;
  }
}
