package io.github.lora4j.lora.config;

import io.github.lora4j.lora.settings.Problems;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a LoRA adapter reaches beside whole modules; nothing by default.
 *
 * @param targetParameters bare parameters to adapt, by name or ending: "q_proj.weight"
 * @param tokens entries of the input embedding that train ({@code trainable_token_indices} as a list)
 * @param tokensOf the same for modules by name or ending ({@code trainable_token_indices} as a map)
 * @param layerReplication (first, end) of layers that make a deeper model of shared weights
 * @param ensureWeightTying adapt modules that share a weight alike, so that they still share it
 */
public record Reach(List<String> targetParameters, List<Integer> tokens, Map<String, List<Integer>> tokensOf,
    List<List<Integer>> layerReplication, boolean ensureWeightTying) {

  /** Whole modules only. */
  public static final Reach NONE = new Reach(List.of(), List.of(), Map.of(), List.of(), false);

  /** Copies the collections. */
  public Reach {
    targetParameters = List.copyOf(targetParameters);
    tokens = List.copyOf(tokens);
    Map<String, List<Integer>> copy = new LinkedHashMap<>();
    tokensOf.forEach((module, indices) -> copy.put(module, List.copyOf(indices)));
    tokensOf = Collections.unmodifiableMap(copy);
    layerReplication = layerReplication.stream().map(List::copyOf).toList();
  }

  /** These bare parameters. */
  public Reach withTargetParameters(String... names) {
    return new Reach(List.of(names), tokens, tokensOf, layerReplication, ensureWeightTying);
  }

  /** These entries of the input embedding. */
  public Reach withTokens(List<Integer> indices) {
    return new Reach(targetParameters, indices, tokensOf, layerReplication, ensureWeightTying);
  }

  /** These entries of modules. */
  public Reach withTokensOf(Map<String, List<Integer>> indices) {
    return new Reach(targetParameters, tokens, indices, layerReplication, ensureWeightTying);
  }

  /** With or without keeping weights tied. */
  public Reach withWeightTying(boolean ensure) {
    return new Reach(targetParameters, tokens, tokensOf, layerReplication, ensure);
  }

  void check(Problems problems, double dropout, boolean dora, boolean bias) {
    targetParameters.stream().filter(String::isBlank).forEach(_ -> problems.add("target_parameters holds an empty name"));
    if (!targetParameters.isEmpty()) {
      // A parameter is adapted whatever its module's input is, so there is nothing to drop.
      List<String> with = Stream.of(dropout != 0 ? "lora_dropout" : "", dora ? "use_dora" : "", bias ? "lora_bias" : "")
          .filter(s -> !s.isEmpty()).toList();
      if (!with.isEmpty()) {
        problems.add("target_parameters does not go together with %s; PEFT has no form for it either", String.join(", ", with));
      }
    }
    if (!tokens.isEmpty() && !tokensOf.isEmpty()) {
      problems.add("trainable_token_indices is either a list, for the input embedding, or a map by module");
    }
    indices(problems, "", tokens);
    tokensOf.forEach((module, list) -> {
      if (list.isEmpty()) {
        problems.add("trainable_token_indices[%s] is empty", module);
      }
      indices(problems, "[" + module + "]", list);
    });
    layerReplication.stream().filter(range -> range.size() != 2 || range.getFirst() < 0 || range.getFirst() >= range.getLast())
        .forEach(range -> problems.add("layer_replication: a range must be [first, end] with 0 <= first < end, got %s", range));
  }

  private static void indices(Problems problems, String of, List<Integer> list) {
    list.stream().filter(i -> i < 0).forEach(i -> problems.add("trainable_token_indices%s: an index cannot be negative, got %d", of, i));
    if (list.stream().distinct().count() < list.size()) {
      problems.add("trainable_token_indices%s names an entry twice", of);
    }
  }
}
