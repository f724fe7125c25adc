package io.github.lora4j.lora.config;

import io.github.lora4j.lora.internal.PythonRegex;
import io.github.lora4j.lora.model.TargetModules;
import io.github.lora4j.lora.parameters.InitLoraWeights;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;

/** What is wrong with the values of a {@link LoraConfig} whatever the model. */
final class LoraChecks {

  /** No model has more features than this in one module; a larger rank can only be a mistake or an attack. */
  private static final int MAX_RANK = 1 << 20;

  /** A pattern for each module of the largest models, and as many again. */
  private static final int MAX_PATTERNS = 10_000;

  private LoraChecks() {}

  /** What the scale of each module follows from. */
  record Scale(int r, double alpha, Map<String, Integer> ranks, Map<String, Double> alphas, boolean rslora) {

    double of(double alpha, int rank) {
      return alpha / (rslora ? Math.sqrt(rank) : rank);
    }
  }

  static void scale(Problems problems, Scale scale) {
    patterns(problems, "rank_pattern", scale.ranks);
    patterns(problems, "alpha_pattern", scale.alphas);
    if (!problems.list().isEmpty()) {
      return;
    }
    int[] range = {scale.r, scale.r};
    rank(problems, "r", scale.r);
    scale.ranks.forEach((pattern, rank) -> {
      rank(problems, "rank_pattern[" + pattern + "]", rank);
      range[0] = Math.min(range[0], rank);
      range[1] = Math.max(range[1], rank);
    });
    if (range[0] >= 1) {
      alpha(problems, "lora_alpha", scale.alpha, scale, range);
      scale.alphas.forEach((pattern, value) -> alpha(problems, "alpha_pattern[" + pattern + "]", value, scale, range));
    }
  }

  private static void patterns(Problems problems, String key, Map<String, ?> patterns) {
    if (patterns.size() > MAX_PATTERNS) {
      problems.add("%s has %,d entries; at most %,d are read, since each is tried on each module", key, patterns.size(), MAX_PATTERNS);
    } else {
      patterns.keySet().forEach(pattern -> regex(problems, key, pattern));
    }
  }

  static void branch(Problems problems, double dropout, boolean dora, boolean bias, InitLoraWeights init) {
    if (!(dropout >= 0 && dropout < 1)) {
      problems.add("lora_dropout must be in [0, 1), got %s", dropout);
    }
    if (dora && bias) {
      problems.add("lora_bias and use_dora do not go together; PEFT has no form for both");
    }
    if (bias && init != InitLoraWeights.DEFAULT && init != InitLoraWeights.RANDOM) {
      problems.add("lora_bias goes with init_lora_weights true or false alone, got %s: PEFT refuses such a config, when it loads one too",
          init.peftName());
    }
  }

  static void targets(Problems problems, TargetModules targets, TargetModules exclude, LayerChoice layers, Reach reach) {
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
    if (!byName && !layers.indices().isEmpty()) {
      problems.add("layers_to_transform works only with a list of target_modules, not with a regular expression or 'all-linear'");
    }
    if (!byName && !layers.patterns().isEmpty()) {
      problems.add("layers_pattern works only with a list of target_modules, not with a regular expression or 'all-linear'");
    }
    if (!layers.patterns().isEmpty() && layers.indices().isEmpty()) {
      problems.add("layers_pattern is set but layers_to_transform is not; set both or neither");
    }
    layers.indices().stream().filter(layer -> layer < 0).forEach(layer -> problems.add("layers_to_transform: an index cannot be negative, got "
        + "%d", layer));
    layers.patterns().forEach(pattern -> regex(problems, "layers_pattern", pattern));
  }

  private static void rank(Problems problems, String key, int rank) {
    if (rank < 1 || rank > MAX_RANK) {
      problems.add("%s must be a positive integer of at most %d, got %d", key, MAX_RANK, rank);
    }
  }

  /** Programs compute in F32, where the scale must be a number and no zero with the smallest and with the largest rank. */
  private static void alpha(Problems problems, String key, double alpha, Scale scale, int[] ranks) {
    if (!(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
      problems.add("%s must be positive and finite (the scale is alpha/r), got %s", key, alpha);
    } else if (scale.of(alpha, ranks[0]) > Float.MAX_VALUE || scale.of(alpha, ranks[1]) < Float.MIN_NORMAL) {
      problems.add("%s: the scale alpha/r must lie between %s and %s, got alpha %s with rank %s", key, Float.MIN_NORMAL, Float.MAX_VALUE, alpha,
          ranks[0] == ranks[1] ? ranks[0] : ranks[0] + " to " + ranks[1]);
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
