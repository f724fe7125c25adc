package io.github.lora4j.generate;

import io.github.lora4j.generate.settings.GenerationConfig;
import java.util.Arrays;
import java.util.List;

/**
 * A prompt to be continued.
 *
 * @param prompt token ids, at least one; copied
 * @param config how it is continued
 * @param adapter for a generator with a set of adapters one of their names, or {@link io.github.lora4j.lora.sets.AdapterSet#BASE}; empty: the
 *     active ones, or the one adapter there is
 * @param suppressed tokens that never come, beside those of the config: those that a tokenizer does not have
 */
public record Request(List<Integer> prompt, GenerationConfig config, String adapter, List<Integer> suppressed) {

  /** Copies the lists. */
  public Request {
    prompt = List.copyOf(prompt);
    suppressed = List.copyOf(suppressed);
  }

  /** A prompt for the generator's own adapter, if it has one. */
  public static Request of(int[] prompt, GenerationConfig config) {
    return new Request(Arrays.stream(prompt).boxed().toList(), config, "", List.of());
  }

  /** The same with an adapter of a set. */
  public Request with(String name) {
    return new Request(prompt, config, name, suppressed);
  }
}
