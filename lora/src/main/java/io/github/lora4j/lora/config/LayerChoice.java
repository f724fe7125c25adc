package io.github.lora4j.lora.config;

import java.util.List;

/**
 * Which layers are meant.
 *
 * @param indices only these; empty for all
 * @param patterns names that may stand before the index, as regular expressions; empty for any
 * @param asWritten what stands in files for both, since PEFT keeps a number or a text that is no list: {@code layers_to_transform}, {@code
 *     layers_pattern}
 */
public record LayerChoice(List<Integer> indices, List<String> patterns, List<Object> asWritten) {

  /** All layers. */
  public static final LayerChoice ALL = new LayerChoice(List.of(), List.of());

  /** Copies the lists. */
  public LayerChoice {
    indices = List.copyOf(indices);
    patterns = List.copyOf(patterns);
    asWritten = List.copyOf(asWritten);
  }

  /** Written as lists. */
  public LayerChoice(List<Integer> indices, List<String> patterns) {
    this(indices, patterns, List.of(indices, patterns));
  }
}
