package io.github.lora4j.lora.plain;

import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.config.Bias;
import io.github.lora4j.lora.config.LoraConfig;
import io.github.lora4j.lora.config.NamePattern;
import io.github.lora4j.lora.config.TargetSelector;
import io.github.lora4j.lora.config.TiedEnds;
import io.github.lora4j.lora.internal.PythonRegex;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What can be wrong between a {@link LoraConfig} and a model. */
final class AttachChecks {

  private static final Pattern LAYER = Pattern.compile("\\.\\d+\\.");

  private AttachChecks() {}

  /** What makes the adapter impossible. */
  static void errors(Problems problems, LoraConfig config, ModelDescription model, TargetModules targets,
      List<TargetSelector.Selected> selected) {
    if (selected.isEmpty()) {
      none(problems, config, model, targets);
    }
    TreeMap<String, List<String>> unsupported = new TreeMap<>();
    for (TargetSelector.Selected s : selected) {
      ModuleInfo.Kind kind = s.module().kind();
      if (kind != ModuleInfo.Kind.LINEAR && kind != ModuleInfo.Kind.CONV1D && kind != ModuleInfo.Kind.EMBEDDING
          && kind != ModuleInfo.Kind.CONVOLUTION) {
        unsupported.computeIfAbsent(kind.torchName(), _ -> new ArrayList<>()).add(s.module().name());
      }
    }
    unsupported.forEach((kind, names) -> problems.add("LoRA on a module of kind %s is not supported; remove from target_modules or "
        + "exclude: %s",
        kind, Names.list(names)));
    TiedEnds.of(model).filter(t -> config.useDora() && config.reach().ensureWeightTying() && selected.stream()
        .anyMatch(s -> s.module().name().equals(t.embedding()))).ifPresent(t -> problems.add("use_dora on %s cannot keep it tied to %s: "
            + "one norms columns, the other rows of their weight; set ensure_weight_tying to false", t.embedding(), t.head()));
    parameters(problems, config, model, selected);
    TokenRows.resolve(problems, config, model);
    tokens(problems, config, model, selected);
    replication(problems, config, model);
    initialisation(problems, config, model, selected);
    groups(problems, config, selected);
    List<String> both = selected.stream().map(t -> t.module().name()).filter(name -> TargetSelector.saved(name, config.allModulesToSave())).toList();
    if (!both.isEmpty()) {
      problems.add("%s: adapted by target_modules, and trained whole by modules_to_save, which names modules by the end of their name; name "
          + "it longer there, or exclude them", Names.list(both));
    }
    for (String name : config.allModulesToSave()) {
      List<ModuleInfo> inside = TargetSelector.modulesOf(model, name);
      if (!inside.isEmpty() && inside.stream().allMatch(m -> ModelDescription.parameters(m).isEmpty())) {
        problems.add("modules_to_save '%s': module has no parameters", name);
      }
    }
    List<String> unsized = model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LAYER_NORM && m.out() == 0)
        .map(ModuleInfo::name).filter(n -> config.bias() == Bias.ALL || TargetSelector.saved(n, config.allModulesToSave()))
            .toList();
    if (!unsized.isEmpty()) {
      problems.add("the model's description gives no sizes for layer norms whose parameters should train: %s", Names.list(unsized));
    }
  }

  private static void none(Problems problems, LoraConfig config, ModelDescription model, TargetModules targets) {
    List<String> meant = new TargetSelector(config, model).named();
    List<String> excluded = meant.stream().filter(name -> TargetSelector.partOf(name, config.allModulesToSave())).toList();
    if (!meant.isEmpty()) {
      problems.add("target_modules %s selects modules of this %s model, but %s takes away all of them: %s; narrow it", text(targets),
          model.modelType(), excluded.isEmpty() ? "exclude_modules" : excluded.size() == meant.size() ? "modules_to_save (they train whole)"
              : "exclude_modules or modules_to_save", Names.list(meant));
      return;
    }
    problems.add("target_modules %s selects no module of this %s model%s; its linear modules end with: %s", text(targets), model.modelType(),
        config.layers().indices().isEmpty() ? "" : " in the layers of layers_to_transform " + config.layers().indices(),
        Names.list(linearLeaves(model)));
  }

  private static void parameters(Problems problems, LoraConfig config, ModelDescription model, List<TargetSelector.Selected> selected) {
    for (ModuleInfo module : model.modules()) {
      TargetSelector.byParameter(config, module).filter(p -> module.kind() != ModuleInfo.Kind.LINEAR || !p.endsWith(".weight"))
          .forEach(p -> problems.add("target_parameters: %s of a %s cannot be adapted, only weights of Linear modules; use target_modules",
              p, module.kind().torchName()));
    }
    Set<String> names = new HashSet<>();
    List<String> twice = selected.stream().map(s -> s.module().name()).filter(name -> !names.add(name)).distinct().toList();
    if (!twice.isEmpty()) {
      problems.add("target_parameters and target_modules both select %s; set target_modules to [] if only the parameters are meant",
          Names.list(twice));
    }
  }

  private static void tokens(Problems problems, LoraConfig config, ModelDescription model, List<TargetSelector.Selected> selected) {
    Map<ModuleInfo, List<Integer>> tokens = TokenRows.resolve(new Problems(), config, model);
    for (ModuleInfo module : tokens.keySet()) {
      List<String> ends = TokenRows.head(tokens, model).filter(t -> t.embedding().equals(module.name()))
          .map(t -> List.of(module.name(), t.head())).orElse(List.of(module.name()));
      for (String name : ends) {
        if (TargetSelector.saved(name, config.allModulesToSave())) {
          problems.add("%s trains whole by modules_to_save, so trainable_token_indices cannot choose some of its rows; keep one of the two",
              name);
        }
        if (selected.stream().anyMatch(s -> s.module().name().equals(name))) {
          problems.add("%s is adapted by LoRA, so trainable_token_indices cannot replace some of its rows; exclude it from "
              + "target_modules", name);
        }
      }
    }
  }

  /** The model must have been made deeper before an adapter sees it. */
  private static void replication(Problems problems, LoraConfig config, ModelDescription model) {
    if (config.reach().layerReplication().isEmpty()) {
      return;
    }
    int wanted = config.reach().layerReplication().stream().mapToInt(range -> range.getLast() - range.getFirst()).sum();
    long got = model.modules().stream().map(m -> LAYER.matcher(m.name())).filter(Matcher::find).map(Matcher::group).distinct().count();
    if (wanted != got) {
      problems.add("layer_replication %s makes %d layers, but this %s model has %d; it must be replicated before the adapter is made",
          config.reach().layerReplication(), wanted, model.modelType(), got);
    }
  }

  private static void groups(Problems problems, LoraConfig config, List<TargetSelector.Selected> selected) {
    for (TargetSelector.Selected s : selected) {
      int groups = s.module().convolution().map(Convolution::groups).orElse(1);
      if (s.rank() % groups != 0 || s.module().out() % groups != 0) {
        problems.add("%s is a convolution of %d groups, which must divide its rank, got %d, and its outputs, got %d", s.module().name(), groups,
            s.rank(), s.module().out());
      }
      if (groups > 1 && config.useDora()) {
        problems.add("use_dora on %s is not possible: with groups the update is no weight of its shape, which has no norm; exclude it",
            s.module().name());
      }
    }
  }

  private static void initialisation(Problems problems, LoraConfig config, ModelDescription model, List<TargetSelector.Selected> selected) {
    InitLoraWeights init = config.initLoraWeights();
    boolean orthogonal = init == InitLoraWeights.ORTHOGONAL;
    List<String> embeddings = selected.stream().filter(s -> s.module().kind() == ModuleInfo.Kind.EMBEDDING
        || s.module().kind() == ModuleInfo.Kind.CONVOLUTION).map(s -> s.module().name()).toList();
    if (!embeddings.isEmpty() && (init.changesBase() || orthogonal)) {
      problems.add("init_lora_weights %s is for linear modules, not for embeddings and convolutions: %s", init.peftName(), Names.list(embeddings));
    }
    List<String> ranks = selected.stream().filter(s -> orthogonal ? s.rank() % 2 != 0
        : init.needsBase() && s.rank() > Math.min(s.module().in(), s.module().out())).map(s -> "%s has rank %d and is %d x %d"
        .formatted(s.module().name(), s.rank(), s.module().out(), s.module().in())).toList();
    if (!ranks.isEmpty()) {
      problems.add("init_lora_weights %s needs %s: %s", init.peftName(), orthogonal ? "an even rank" : "a rank that the weight has",
          Names.list(ranks));
    }
    List<String> shared = selected.stream().map(s -> s.module().name()).filter(name -> model.tied().containsKey(name + ".weight")
        || model.tied().containsValue(name + ".weight")).toList();
    if (!shared.isEmpty() && init.needsBase()) {
      problems.add("init_lora_weights %s changes the weight it starts from, which other modules share: %s; exclude them",
          init.peftName(), Names.list(shared));
    }
    if (config.useDora() && init.changesBase()) {
      problems.add("init_lora_weights %s with use_dora cannot be saved for the untouched base: the magnitudes belong to the changed one",
          init.peftName());
    }
  }

  /** What would do nothing: PEFT is silent about it. */
  static void ineffective(Problems problems, LoraConfig config, ModelDescription model, TargetModules targets,
      List<TargetSelector.Selected> selected) {
    List<String> names = selected.stream().map(s -> s.module().name()).toList();
    if (targets instanceof TargetModules.Names list && !selected.isEmpty() && !(config.targetModules() instanceof TargetModules.Unset)) {
      list.names().stream().filter(n -> names.stream().noneMatch(m -> TargetSelector.endsWith(m, n))).forEach(n -> {
        boolean exists = model.modules().stream().anyMatch(m -> TargetSelector.endsWith(m.name(), n));
        problems.add("target_modules entry '%s' %s", n, exists
            ? "selects nothing, since exclude_modules, modules_to_save or layers_to_transform take its modules away"
            : "matches no module");
      });
    }
    if (config.excludeModules() instanceof TargetModules.Names list) {
      list.names().stream().filter(n -> model.modules().stream().noneMatch(m -> TargetSelector.endsWith(m.name(), n)))
          .forEach(n -> problems.add("exclude_modules entry '%s' matches no module", n));
    } else if (config.excludeModules() instanceof TargetModules.Regex regex) {
      PythonRegex compiled = PythonRegex.compile(regex.regex());
      if (model.modules().stream().noneMatch(m -> compiled.fullMatch(m.name()))) {
        problems.add("exclude_modules '%s' matches no module", regex.regex());
      }
    }
    for (String name : config.reach().targetParameters()) {
      if (model.modules().stream().flatMap(m -> ModelDescription.parameters(m).keySet().stream())
          .noneMatch(p -> TargetSelector.endsWith(p, name))) {
        problems.add("target_parameters entry '%s' matches no parameter", name);
      }
    }
    List<String> patterned = new ArrayList<>(names);
    selected.forEach(s -> TargetSelector.byParameter(config, s.module()).forEach(patterned::add));
    pattern(problems, "rank_pattern", config.rankPattern().keySet(), patterned);
    pattern(problems, "alpha_pattern", config.alphaPattern().keySet(), patterned);
    for (String name : config.modulesToSave()) {
      boolean head = config.taskType().map(t -> t.heads().contains(name)).orElse(false);
      if (!head && TargetSelector.modulesOf(model, name).isEmpty()) {
        problems.add("modules_to_save entry '%s' matches no module", name);
      }
    }
    config.taskType().filter(t -> !t.heads().isEmpty() && t.heads().stream().allMatch(h -> TargetSelector.modulesOf(model, h).isEmpty()))
        .ifPresent(t -> problems.add("task_type %s trains a head, but the model has no module %s", t, String.join(" or ", t.heads())));
  }

  /** What PEFT warns of. */
  static List<String> notes(LoraConfig config, ModelDescription model, List<TargetSelector.Selected> selected) {
    List<String> notes = new ArrayList<>();
    tied(notes, config, model, selected);
    List<String> unknown = config.other().keySet().stream().filter(key -> !List.of("auto_mapping", "eva_config").contains(key)).toList();
    if (!unknown.isEmpty()) {
      notes.add("adapter_config.json has keys that lora4j does not know, probably of a newer PEFT; they are kept, not obeyed: "
          + String.join(", ", unknown));
    }
    boolean conv1d = selected.stream().anyMatch(s -> s.module().kind() == ModuleInfo.Kind.CONV1D);
    if (config.fanInFanOut() && !conv1d) {
      notes.add("fan_in_fan_out is true, but the adapted modules are Linear; it is written as false");
    }
    return notes;
  }

  private static void tied(List<String> notes, LoraConfig config, ModelDescription model, List<TargetSelector.Selected> selected) {
    Optional<TiedEnds> ends = TiedEnds.of(model);
    if (ends.isEmpty()) {
      if (config.reach().ensureWeightTying()) {
        notes.add("ensure_weight_tying has no effect: this model ties no weights");
      }
      return;
    }
    TiedEnds tie = ends.get();
    boolean touched = Stream.of(tie.embedding(), tie.head()).anyMatch(n -> selected.stream().anyMatch(s -> s.module().name().equals(n))
        || TargetSelector.saved(n, config.allModulesToSave()));
    if (touched && !config.reach().ensureWeightTying()) {
      notes.add("%s and %s share one weight, and the adapter changes only one of the two: it cannot be merged without untying them. Set "
          .formatted(tie.embedding(), tie.head()) + "ensure_weight_tying to change both alike");
    } else if (!touched && config.reach().ensureWeightTying() && TokenRows.resolve(new Problems(), config, model).isEmpty()) {
      notes.add("ensure_weight_tying has no effect: neither %s nor %s is adapted or trained".formatted(tie.embedding(), tie.head()));
    }
  }

  private static void pattern(Problems problems, String key, Set<String> patterns, List<String> selected) {
    for (String p : patterns) {
      if (selected.stream().noneMatch(NamePattern.of(p)::matches)) {
        problems.add("%s key '%s' matches none of the %d selected modules (a key must match the end of the name from a dot on)", key, p,
            selected.size());
      }
    }
  }

  private static List<String> linearLeaves(ModelDescription model) {
    return model.modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.LINEAR || m.kind() == ModuleInfo.Kind.CONV1D)
        .map(ModuleInfo::leaf).distinct().toList();
  }

  private static String text(TargetModules targets) {
    return switch (targets) {
      case TargetModules.Unset _ -> "(default)";
      case TargetModules.AllLinear _ -> "'all-linear'";
      case TargetModules.Regex regex -> "'" + regex.regex() + "' (a regular expression that must match the whole name)";
      case TargetModules.Names names -> names.names().toString();
    };
  }
}
