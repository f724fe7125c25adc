package io.github.lora4j.lora;

import io.github.lora4j.lora.internal.PythonRegex;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;

/** What is wrong with the values of a {@link LoraConfig} whatever the model. */
final class LoraChecks {

  /** No model has more features than this in one module; a larger rank can only be a mistake or an attack. */
  private static final int MAX_RANK = 1 << 20;

  private LoraChecks() {}

  static void check(Problems problems, int r, double alpha, double dropout, TargetModules targets, TargetModules exclude,
      List<Integer> layers,
      List<String> layersPattern, Map<String, Integer> ranks, Map<String, Double> alphas, Reach reach) {
    rank(problems, "r", r);
    alpha(problems, "lora_alpha", alpha);
    if (!(dropout >= 0 && dropout < 1)) {
      problems.add("lora_dropout must be in [0, 1), got %s", dropout);
    }
    switch (targets) {
      case TargetModules.Names names when names.names().isEmpty() && !reach.targetParameters().isEmpty() -> { }
      case TargetModules.Names names when names.names().isEmpty() -> problems.add("target_modules is an empty list; name modules, or "
          + "leave it out for "
          + "the architecture's default");
      case TargetModules.Names names -> blank(problems, "target_modules", names.names());
      case TargetModules.Regex regex -> regex(problems, "target_modules", regex.regex());
      default -> { }
    }
    switch (exclude) {
      case TargetModules.AllLinear _ -> problems.add("exclude_modules cannot be 'all-linear'; give a list of names or a regular "
          + "expression");
      case TargetModules.Regex regex -> regex(problems, "exclude_modules", regex.regex());
      case TargetModules.Names names -> blank(problems, "exclude_modules", names.names());
      default -> { }
    }
    boolean byName = targets instanceof TargetModules.Names || targets instanceof TargetModules.Unset;
    if (!byName && !layers.isEmpty()) {
      problems.add("layers_to_transform works only with a list of target_modules, not with a regular expression or 'all-linear'");
    }
    if (!byName && !layersPattern.isEmpty()) {
      problems.add("layers_pattern works only with a list of target_modules, not with a regular expression or 'all-linear'");
    }
    if (!layersPattern.isEmpty() && layers.isEmpty()) {
      problems.add("layers_pattern is set but layers_to_transform is not; set both or neither");
    }
    layers.stream().filter(layer -> layer < 0).forEach(layer -> problems.add("layers_to_transform: an index cannot be negative, got %d",
        layer));
    layersPattern.forEach(pattern -> regex(problems, "layers_pattern", pattern));
    ranks.forEach((pattern, rank) -> {
      regex(problems, "rank_pattern", pattern);
      rank(problems, "rank_pattern[" + pattern + "]", rank);
    });
    alphas.forEach((pattern, value) -> {
      regex(problems, "alpha_pattern", pattern);
      alpha(problems, "alpha_pattern[" + pattern + "]", value);
    });
  }

  private static void rank(Problems problems, String key, int rank) {
    if (rank < 1 || rank > MAX_RANK) {
      problems.add("%s must be a positive integer of at most %d, got %d", key, MAX_RANK, rank);
    }
  }

  private static void alpha(Problems problems, String key, double alpha) {
    if (!(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
      problems.add("%s must be positive and finite (the scale is alpha/r), got %s", key, alpha);
    }
  }

  private static void blank(Problems problems, String key, List<String> names) {
    names.stream().filter(String::isBlank).forEach(name -> problems.add("%s holds an empty name", key));
  }

  private static void regex(Problems problems, String key, String regex) {
    try {
      PythonRegex.compile(regex);
    } catch (ConfigException e) {
      problems.add("%s: %s", key, e.getMessage());
    }
  }
}
