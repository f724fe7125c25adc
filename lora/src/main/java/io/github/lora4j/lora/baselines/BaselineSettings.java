package io.github.lora4j.lora.baselines;

import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.config.TaskType;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The settings that the methods beside LoRA share, under PEFT's names.
 *
 * @param modulesToSave modules that train whole, the head of the task among them
 * @param names task_type and base_model_name_or_path, as they are written again
 */
record BaselineSettings(List<String> modulesToSave, Map<String, Object> names) {

  /** Reads them; unknown heads of a task are no mistake, since every kind of task names several. */
  static BaselineSettings read(Settings in) {
    List<String> save = new ArrayList<>(in.strings("modules_to_save"));
    Map<String, Object> names = new LinkedHashMap<>();
    for (String key : List.of("task_type", "base_model_name_or_path")) {
      names.put(key, in.string(key).orElse(null));
    }
    for (TaskType type : TaskType.values()) {
      if (type.name().equals(names.get("task_type"))) {
        type.heads().stream().filter(head -> !save.contains(head)).forEach(save::add);
      }
    }
    in.any("peft_type");
    return new BaselineSettings(save, names);
  }

  /** What would do nothing. */
  void check(Problems problems, ModelDescription model) {
    modulesToSave.stream().filter(name -> !TaskType.SEQ_CLS.heads().contains(name) && TargetSelector.modulesOf(model, name).isEmpty())
        .forEach(name -> problems.add("modules_to_save entry '%s' matches no module", name));
  }

  /** The content of {@code adapter_config.json} that is these settings. */
  Map<String, Object> config(String peftType) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("peft_type", peftType);
    config.put("modules_to_save", modulesToSave.isEmpty() ? null : modulesToSave);
    config.putAll(names);
    return config;
  }

  /** Whether a module trains whole. */
  boolean saves(String module) {
    return TargetSelector.saved(module, modulesToSave);
  }
}
