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
 * @param source what the text is made from, for a model that reads a source; the prompt is then what the text begins with, its start token at least
 */
public record Request(List<Integer> prompt, GenerationConfig config, String adapter, List<Integer> suppressed, List<Integer> source) {

  /** Copies the lists. */
  public Request {
    prompt = List.copyOf(prompt);
    suppressed = List.copyOf(suppressed);
    source = List.copyOf(source);
  }

  /** A prompt without a source. */
  public Request(List<Integer> prompt, GenerationConfig config, String adapter, List<Integer> suppressed) {
    this(prompt, config, adapter, suppressed, List.of());
  }

  /** A prompt for the generator's own adapter, if it has one. */
  public static Request of(int[] prompt, GenerationConfig config) {
    return new Request(Arrays.stream(prompt).boxed().toList(), config, "", List.of());
  }

  /** The same with an adapter of a set. */
  public Request with(String name) {
    return new Request(prompt, config, name, suppressed, source);
  }

  /** The same made from a source. */
  public Request from(int[] tokens) {
    return new Request(prompt, config, adapter, suppressed, Arrays.stream(tokens).boxed().toList());
  }

  /** Another prompt of the same source and adapter. */
  Request continued(List<Integer> other, GenerationConfig how) {
    return new Request(other, how, adapter, List.of(), source);
  }
}
