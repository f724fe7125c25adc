package io.github.lora4j.lora.sets;

import io.github.lora4j.vector.ConfigException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How adapters become one, by PEFT's names of {@code add_weighted_adapter}. */
public enum CombinationType {
  /** The weighted sum of the updates B·A, then its best approximation of the new rank. */
  SVD,
  /** A and B summed by themselves, each with √|w·s|: the products mix, so a rough approximation; equal ranks only. */
  LINEAR,
  /** All ranks side by side: the exact sum, with the sum of all ranks. */
  CAT,
  /** Like linear, with TIES (Yadav et al., "TIES-Merging", NeurIPS 2023): small elements pruned, mean of those of the majority's sign. */
  TIES,
  /** TIES of the updates, then as svd. */
  TIES_SVD,
  /** Like linear, with DARE (Yu et al., "Language Models are Super Mario", ICML 2024): elements dropped at random, the rest scaled up. */
  DARE_LINEAR,
  /** Like ties, with elements dropped at random. */
  DARE_TIES,
  /** DARE of the updates, then as svd. */
  DARE_LINEAR_SVD,
  /** DARE and majority sign of the updates, then as svd. */
  DARE_TIES_SVD,
  /** Like linear, with the smallest elements pruned. */
  MAGNITUDE_PRUNE,
  /** The smallest elements of the updates pruned, then as svd. */
  MAGNITUDE_PRUNE_SVD;

  /** PEFT's name: "dare_linear". */
  public String peftName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** By PEFT's name; another one is a {@link ConfigException} that lists them. */
  public static CombinationType of(String peftName) {
    return Arrays.stream(values()).filter(type -> type.peftName().equals(peftName)).findFirst().orElseThrow(() -> new ConfigException(
        "combination_type: expected one of %s, got %s".formatted(String.join(", ", Arrays.stream(values()).map(CombinationType::peftName)
            .toList()),
            peftName)));
  }

  boolean svd() {
    return name().endsWith("SVD");
  }

  boolean dare() {
    return name().startsWith("DARE");
  }

  boolean prunes() {
    return !List.of(SVD, LINEAR, CAT).contains(this);
  }

  boolean majority() {
    return name().contains("TIES");
  }
}
