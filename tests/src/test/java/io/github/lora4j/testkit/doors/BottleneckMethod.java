package io.github.lora4j.testkit.doors;

import io.github.lora4j.graph.Graph;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.graph.Value;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterMethod;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.Initial;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import io.github.lora4j.vector.Activation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A method that lora4j does not have: y + gelu(x·Dᵀ)·Uᵀ beside each block's last module (He et al., ICLR 2022), "toy-bottleneck" in a recipe. */
public final class BottleneckMethod implements AdapterMethod {

  @Override
  public String name() {
    return "toy-bottleneck";
  }

  @Override
  public String peftType() {
    return "TOY_BOTTLENECK";
  }

  @Override
  public Adapter create(Map<String, ?> settings, ModelDescription model) {
    return read(settings, model, true);
  }

  @Override
  public Adapter restore(Map<String, ?> config, ModelDescription model) {
    return read(config, model, false);
  }

  private Adapter read(Map<String, ?> settings, ModelDescription model, boolean strict) {
    Problems problems = new Problems();
    Settings in = new Settings(settings, problems);
    int size = in.integer("size", 4);
    List<String> targets = in.any("target_modules").isPresent() ? in.strings("target_modules") : model.places().blockOutputs();
    List<String> saved = in.any("modules_to_save").isPresent() ? in.strings("modules_to_save") : List.of("classifier");
    for (String key : List.of("task_type", "base_model_name_or_path", "peft_type")) {
      in.any(key); // known, though the method has no use for them
    }
    if (size < 1) {
      problems.add("size must be at least 1, got %d", size);
    }
    if (strict) {
      in.refuseUnknown();
    }
    List<ModuleInfo> modules = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR)
        .filter(m -> targets.stream().anyMatch(t -> TargetSelector.endsWith(m.name(), t))).toList();
    if (modules.isEmpty()) {
      problems.add("target_modules %s selects no linear module", targets);
    }
    problems.raise(name());
    Map<String, Object> config = new LinkedHashMap<>(settings);
    config.putAll(Map.of("peft_type", peftType(), "size", size, "target_modules", targets, "modules_to_save", saved));
    config.putIfAbsent("base_model_name_or_path", "");
    return new Bottleneck(config, modules.stream().map(m -> new Site(m, size)).toList(), head(model, saved));
  }

  /** What trains of the base itself. */
  private static List<AdapterParameter> head(ModelDescription model, List<String> saved) {
    List<AdapterParameter> head = new ArrayList<>();
    saved.stream().flatMap(name -> TargetSelector.modulesOf(model, name).stream()).distinct().forEach(module ->
        ModelDescription.parameters(module).forEach((name, shape) -> head.add(AdapterParameter.ofBase(module, name,
            AdapterParameter.PREFIX + name, shape, name.endsWith(".bias") ? 1 : 0))));
    return head;
  }

  private record Site(ModuleInfo module, AdapterParameter down, AdapterParameter up) {
    Site(ModuleInfo module, int size) {
      this(module, AdapterParameter.matrix(module.name() + ".toy_down", size, module.in(), 0, new Initial.Normal(0.1)),
          AdapterParameter.matrix(module.name() + ".toy_up", module.out(), size, 0, Initial.ZEROS));
    }
  }

  private record Bottleneck(Map<String, Object> peftConfig, List<Site> sites, List<AdapterParameter> head) implements Adapter {

    @Override
    public List<AdapterParameter> parameters() {
      List<AdapterParameter> all = new ArrayList<>();
      sites.forEach(site -> all.addAll(List.of(site.down, site.up)));
      all.addAll(head);
      return all;
    }

    @Override
    public Value linear(Sites recording, LinearSite of, Value y) {
      Optional<Site> site = sites.stream().filter(s -> s.module.name().equals(of.module())).findFirst();
      Graph graph = recording.graph();
      return site.map(s -> graph.linearOnto(graph.activate(Activation.GELU, graph.linear(of.x(), s.down.declare(recording))),
          s.up.declare(recording), y, 1)).orElse(y);
    }
  }
}
