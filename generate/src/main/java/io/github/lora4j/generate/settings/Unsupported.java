package io.github.lora4j.generate.settings;

import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** Settings of transformers that would change what is generated and are not followed: an error unless they are at their value for off. */
final class Unsupported {

  private static final Map<String, List<Object>> OFF = Map.ofEntries(Map.entry("num_beam_groups", List.of(1)),
      Map.entry("diversity_penalty", List.of(0)),
      Map.entry("penalty_alpha", List.of(0)), Map.entry("guidance_scale", List.of(1)), Map.entry("encoder_repetition_penalty", List.of(1)),
      Map.entry("encoder_no_repeat_ngram_size", List.of(0)), Map.entry("exponential_decay_length_penalty", List.of()),
          Map.entry("watermarking_config", List.of()),
      Map.entry("constraints", List.of()), Map.entry("force_words_ids", List.of()), Map.entry("dola_layers", List.of()),
          Map.entry("top_h", List.of()),
      Map.entry("prompt_lookup_num_tokens", List.of()), Map.entry("max_time", List.of()), Map.entry("low_memory", List.of(false)));

  private Unsupported() {}

  static void check(Settings of, Problems problems) {
    OFF.forEach((key, off) -> {
      Optional<Object> value = of.any(key);
      if (value.isPresent() && off.stream().noneMatch(o -> same(o, value.get()))) {
        problems.add("%s is %s, which is not supported; leave it out", key, Settings.brief(String.valueOf(value.get())));
      }
    });
  }

  private static boolean same(Object off, Object value) {
    return off instanceof Number a && value instanceof Number b ? a.doubleValue() == b.doubleValue() : Objects.equals(off, value);
  }
}
