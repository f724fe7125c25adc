package io.github.lora4j.lora.plain;

import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.config.TiedEnds;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Plain LoRA, "lora" in a recipe. */
public final class LoraMethod implements AdapterMethod {

  @Override
  public String name() {
    return "lora";
  }

  @Override
  public String peftType() {
    return "LORA";
  }

  @Override
  public LoraAdapter create(Map<String, ?> settings, ModelDescription model) {
    MergedParts parts = MergedParts.of(settings);
    Map<String, Object> rest = new LinkedHashMap<>(settings);
    rest.remove(MergedParts.KEY);
    LoraConfig config = LoraConfig.ofSettings(rest);
    return parts.present() ? create(parts.widened(config), model, parts) : create(config, model);
  }

  /** An adapter to be trained; see {@link #create(Map, ModelDescription)}. */
  public LoraAdapter create(LoraConfig given, ModelDescription model) {
    return create(given, model, MergedParts.NONE);
  }

  private LoraAdapter create(LoraConfig given, ModelDescription model, MergedParts parts) {
    LoraConfig config = TiedEnds.adjusted(given, model);
    TargetSelector selector = new TargetSelector(config, model);
    List<TargetSelector.Selected> selected = selector.select();
    Problems problems = new Problems();
    AttachChecks.errors(problems, config, model, selector.targets(), selected);
    AttachChecks.ineffective(problems, config, model, selector.targets(), selected);
    selected.forEach(target -> parts.check(problems, target.module()));
    problems.raise("lora");
    return new LoraAdapter(config, model, selector.targets(), selected, parts, AttachChecks.notes(config, model, selected));
  }

  @Override
  public LoraAdapter restore(Map<String, ?> peftConfig, ModelDescription model) {
    return restore(LoraConfig.ofPeft(peftConfig), model);
  }

  /** The adapter that a saved config describes; see {@link #restore(Map, ModelDescription)}. */
  public LoraAdapter restore(LoraConfig given, ModelDescription model) {
    LoraConfig config = TiedEnds.adjusted(given, model);
    TargetSelector selector = new TargetSelector(config, model);
    List<TargetSelector.Selected> selected = selector.select();
    Problems problems = new Problems();
    AttachChecks.errors(problems, config, model, selector.targets(), selected);
    if (config.initLoraWeights() instanceof InitLoraWeights.Pissa pissa && pissa.iterations() >= 0) {
      problems.add("init_lora_weights %s: the adapter is relative to a base weight from which something random was taken, "
          + "and that is in no file; save it in PEFT with path_initial_model_for_weight_conversion", pissa.peftName());
    }
    problems.raise("adapter_config.json");
    Problems notes = new Problems();
    AttachChecks.ineffective(notes, config, model, selector.targets(), selected);
    notes.addAll(AttachChecks.notes(config, model, selected));
    return new LoraAdapter(config, model, selector.targets(), selected, MergedParts.NONE, notes.list());
  }
}
