package io.github.lora4j.lora.config;

import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.lora.internal.PythonRegex;
import io.github.lora4j.lora.model.ModelDescription;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.Names;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Which modules a config selects, and with which rank and alpha: PEFT's rules exactly (tuners_utils.check_target_module_exists,
 * utils.other.get_pattern_key). Selection looks at names and kinds only; whether a selected kind can be adapted is the method's matter.
 */
public final class TargetSelector {

  /** PEFT's: the first number between dots that has two parts before it. */
  private static final PythonRegex ANY_LAYER = PythonRegex.compile(".*?\\.[^.]*\\.(?<idx>", "\\d+", ")\\.");

  /**
   * A module to adapt.
   *
   * @param scaling alpha/rank, or alpha/√rank
   */
  public record Selected(ModuleInfo module, int rank, double alpha, double scaling) {}

  private final LoraConfig config;
  private final ModelDescription model;
  private final TargetModules targets;
  /** What an expression of targets, or of exclusions, matches; nothing where there is none. */
  private final Predicate<String> matched;
  private final Predicate<String> excluded;
  private final List<PythonRegex> layers;
  /** A tied head that follows its embedding; empty where none does. */
  private final String tiedHead;

  /**
   * Prepares a selection.
   *
   * @throws io.github.lora4j.vector.ConfigException when no targets are given and the architecture has no default
   */
  public TargetSelector(LoraConfig config, ModelDescription model) {
    this.config = config;
    this.model = model;
    targets = targets(config, model);
    tiedHead = TiedEnds.of(model).filter(_ -> config.reach().ensureWeightTying()).map(TiedEnds::head).orElse("");
    matched = regex(targets);
    excluded = regex(config.excludeModules());
    layers = config.layers().patterns().isEmpty() ? List.of(ANY_LAYER)
        : config.layers().patterns().stream().map(p -> PythonRegex.compile("(?:^|.*?\\.)", p, "\\.(?<idx>\\d+)\\.")).toList();
  }

  private static TargetModules targets(LoraConfig config, ModelDescription model) {
    TargetModules ours = model.places().lora();
    if (!(config.targetModules() instanceof TargetModules.Unset)) {
      return config.targetModules();
    }
    if (!(ours instanceof TargetModules.Unset)) {
      return ours;
    }
    if (!config.reach().targetParameters().isEmpty()) {
      return new TargetModules.Names(List.of());
    }
    throw new ConfigException(("target_modules is not set and architecture '%s' has no default; name some of its linear modules (%s), "
        + "or use 'all-linear'").formatted(model.modelType(), Names.list(model.modules().stream().filter(TargetSelector::linear)
            .map(ModuleInfo::leaf).distinct().toList())));
  }

  /** The targets in force: the config's, or the architecture's default. */
  public TargetModules targets() {
    return targets;
  }

  /** The selected modules in the model's order. */
  public List<Selected> select() {
    Map<NamePattern, Integer> ranks = compiled(config.rankPattern());
    Map<NamePattern, Double> alphas = compiled(config.alphaPattern());
    return model.modules().stream().flatMap(module -> Stream.concat(Stream.of(module).filter(this::selects).map(ModuleInfo::name),
        byParameter(config, module)).map(name -> {
          int rank = first(ranks, name).orElse(config.r());
          double alpha = first(alphas, name).orElse(config.loraAlpha());
          return new Selected(module, rank, alpha, config.scaling(rank, alpha));
        })).toList();
  }

  /** The module's parameters that {@code target_parameters} names. */
  public static Stream<String> byParameter(LoraConfig config, ModuleInfo module) {
    return ModelDescription.parameters(module).keySet().stream()
        .filter(p -> config.reach().targetParameters().stream().anyMatch(t -> endsWith(p, t)));
  }

  /** Names of the modules that the targets name, those that exclude_modules and modules_to_save take away included. */
  public List<String> named() {
    return model.modules().stream().filter(this::named).map(ModuleInfo::name).toList();
  }

  /** Whether the name is this one or ends with a dot and this one. */
  public static boolean endsWith(String name, String suffix) {
    return name.equals(suffix) || name.endsWith("." + suffix);
  }

  /** Whether the module, or one it lies in, trains whole: PEFT compares the end of a name, wherever its last word begins. */
  public static boolean saved(String name, List<String> modulesToSave) {
    return modulesToSave.stream().anyMatch(m -> name.endsWith(m) || name.contains(m + "."));
  }

  /** The modules that an entry of modules_to_save means. */
  public static List<ModuleInfo> modulesOf(ModelDescription model, String name) {
    return model.modules().stream().filter(m -> saved(m.name(), List.of(name))).toList();
  }

  /** Whether the module, or one it lies in, is named: where PEFT looks for targets, whole parts of names count. */
  public static boolean partOf(String name, List<String> modulesToSave) {
    return modulesToSave.stream().anyMatch(m -> ("." + name + ".").contains("." + m + "."));
  }

  private boolean selects(ModuleInfo module) {
    String name = module.name();
    return !excluded(name) && !partOf(name, config.allModulesToSave()) && named(module);
  }

  private boolean named(ModuleInfo module) {
    String name = module.name();
    if (name.isEmpty() || name.equals(tiedHead)) {
      return false;
    }
    return switch (targets) {
      case TargetModules.AllLinear _ -> linear(module) && model.outputModule().filter(name::equals).isEmpty() && !head(name);
      case TargetModules.Regex _ -> matched.test(name);
      case TargetModules.Names names -> names.names().contains(name) || names.names().stream().anyMatch(n -> name.endsWith("." + n))
          && inLayers(name);
      case TargetModules.Unset _ -> false;
    };
  }

  private boolean excluded(String name) {
    return excluded.test(name)
        || config.excludeModules() instanceof TargetModules.Names names && names.names().stream().anyMatch(n -> endsWith(name, n));
  }

  private static boolean linear(ModuleInfo module) {
    return module.kind() == ModuleInfo.Kind.LINEAR || module.kind() == ModuleInfo.Kind.CONV1D;
  }

  /** PEFT leaves out the classifier of a sequence classifier that has no output layer over the vocabulary. */
  private boolean head(String name) {
    return model.outputModule().isEmpty() && config.taskType().filter(t -> t == TaskType.SEQ_CLS).isPresent() && TaskType.SEQ_CLS.heads()
        .contains(name);
  }

  private boolean inLayers(String name) {
    if (config.layers().indices().isEmpty()) {
      return true;
    }
    for (PythonRegex layer : layers) {
      String index = layer.matchGroup(name, "idx");
      if (!index.isEmpty()) {
        return config.layers().indices().stream().anyMatch(i -> i.toString().equals(index.replaceFirst("^0+(?=.)", "")));
      }
    }
    return false;
  }

  private static <T> Map<NamePattern, T> compiled(Map<String, T> patterns) {
    Map<NamePattern, T> compiled = new LinkedHashMap<>();
    patterns.forEach((key, value) -> compiled.put(NamePattern.of(key), value));
    return compiled;
  }

  private static <T> Optional<T> first(Map<NamePattern, T> patterns, String name) {
    return patterns.entrySet().stream().filter(e -> e.getKey().matches(name)).map(Map.Entry::getValue).findFirst();
  }

  private static Predicate<String> regex(TargetModules targets) {
    return targets instanceof TargetModules.Regex regex ? PythonRegex.compile(regex.regex())::fullMatch : _ -> false;
  }
}
