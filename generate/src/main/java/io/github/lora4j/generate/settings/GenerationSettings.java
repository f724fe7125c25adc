package io.github.lora4j.generate.settings;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.lora.settings.Settings;
import io.github.lora4j.tokenizer.SettingsFiles;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads a {@link GenerationConfig} from settings by their names in transformers, with its defaults ({@code top_k} 50 among them); beside those
 * {@code seed}, {@code frequency_penalty}, {@code presence_penalty} and {@code logit_bias} (a map from token id to what is added).
 *
 * <p>What is set explicitly goes before what the model's files say. Explicit settings that only drawing knows turn {@code do_sample} on.
 */
public final class GenerationSettings {

  /** The file beside a model. */
  public static final String FILE = "generation_config.json";

  private static final long MAX_BYTES = 16L << 20;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<String> DRAWING = Set.of("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "seed");

  private static final List<String> OF_SOURCE = List.of("eos_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id");

  private GenerationSettings() {}

  /**
   * What a model's files say: {@value #FILE}; without it the end token of config.json, and what else models that make a text from another have there.
   *
   * @throws FormatException when a file is no JSON object
   */
  public static Map<String, Object> ofModel(Path directory) {
    if (SettingsFiles.isGguf(directory)) {
      return SettingsFiles.find(directory, FILE).map(json -> JSON.convertValue(json, new TypeReference<LinkedHashMap<String, Object>>() { }))
          .orElseGet(LinkedHashMap::new);
    }
    Path file = directory.resolve(FILE);
    if (Files.exists(file)) {
      return read(file);
    }
    Map<String, Object> config = read(directory.resolve("config.json"));
    Map<String, Object> found = new LinkedHashMap<>();
    boolean fromSource = Boolean.TRUE.equals(config.get("is_encoder_decoder"));
    (fromSource ? OF_SOURCE : List.of("eos_token_id")).forEach(key -> Optional.ofNullable(config.get(key)).ifPresent(value -> found.put(key, value)));
    return found;
  }

  private static Map<String, Object> read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new FormatException("%s has %,d bytes; a file of settings has at most %,d".formatted(file, Files.size(file), MAX_BYTES));
      }
      return JSON.readValue(Files.readAllBytes(file), new TypeReference<LinkedHashMap<String, Object>>() { });
    } catch (JacksonException e) {
      throw new FormatException("%s is no JSON object: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  /**
   * The config of explicit settings alone.
   *
   * @throws io.github.lora4j.vector.ConfigException listing all that is wrong
   */
  public static GenerationConfig of(Map<String, ?> explicit) {
    return of(Map.of(), explicit);
  }

  /**
   * The config of a model's own settings and of explicit ones, which go first.
   *
   * @param own of {@link #ofModel}: names that are not known here do not matter there
   * @throws io.github.lora4j.vector.ConfigException listing all that is wrong
   */
  public static GenerationConfig of(Map<String, ?> own, Map<String, ?> explicit) {
    Problems problems = new Problems();
    Map<String, Object> all = new LinkedHashMap<>(own);
    if (explicit.containsKey("max_length") && !explicit.containsKey("max_new_tokens")) {
      all.remove("max_new_tokens");
    }
    all.putAll(explicit);
    if (explicit.keySet().stream().anyMatch(DRAWING::contains) && !explicit.containsKey("do_sample")) {
      all.put("do_sample", true);
    }
    Settings of = new Settings(all, problems);
    GenerationConfig config = read(of, problems);
    Unsupported.check(of, problems);
    explicit.keySet().stream().filter(key -> !of.known().contains(key)).forEach(key -> problems.add("unknown setting '%s'%s", key,
        io.github.lora4j.vector.Names.meant(key, of.known()).map(near -> "; did you mean '" + near + "'?").orElse("")));
    if (Boolean.FALSE.equals(explicit.get("do_sample"))) {
      explicit.keySet().stream().filter(DRAWING::contains).filter(key -> !key.equals("seed")).forEach(key ->
          problems.add("%s has no effect with do_sample false; leave one of them out", key));
    }
    problems.raise("generation");
    return config;
  }

  private static GenerationConfig read(Settings of, Problems problems) {
    GenerationConfig.Length length = new GenerationConfig.Length(optional(of, "max_new_tokens", 1, problems), optional(of, "max_length", 1, problems),
        atLeast(of, "min_length", 0, problems), atLeast(of, "min_new_tokens", 0, problems));
    List<String> strings = of.strings("stop_strings");
    if (strings.contains("")) {
      problems.add("stop_strings holds an empty text, which every text holds");
    }
    Check check = new Check(of, problems);
    GenerationConfig.Filters filters = new GenerationConfig.Filters(check.above("temperature", 1), atLeast(of, "top_k", 50, 0, problems),
        check.within("top_p", 1), check.within("min_p", 0), check.within("typical_p", 1), check.within("epsilon_cutoff", 0),
            check.within("eta_cutoff", 0));
    GenerationConfig.Penalties penalties = new GenerationConfig.Penalties(check.above("repetition_penalty", 1), of.number("frequency_penalty", 0),
        of.number("presence_penalty", 0), atLeast(of, "no_repeat_ngram_size", 0, problems), of.bool("renormalize_logits"));
    GenerationConfig.Tokens tokens = new GenerationConfig.Tokens(sequences(of, "bad_words_ids"), bias(of), of.integers("suppress_tokens"),
        of.integers("begin_suppress_tokens"), optional(of, "forced_bos_token_id", 0, problems), of.integers("forced_eos_token_id"));
    int beams = atLeast(of, "num_beams", 1, 1, problems);
    int returned = atLeast(of, "num_return_sequences", 1, 1, problems);
    if (beams > 1 && returned > beams) {
      problems.add("num_return_sequences is %d, but num_beams only %d", returned, beams);
    }
    return new GenerationConfig(length, new GenerationConfig.Stop(of.integers("eos_token_id"), strings),
        new GenerationConfig.Sampling(of.bool("do_sample"), seed(of)), filters, penalties, tokens,
        new GenerationConfig.Beams(beams, returned, of.number("length_penalty", 1), of.bool("early_stopping")));
  }

  private static long seed(Settings of) {
    return of.any("seed").flatMap(v -> v instanceof Integer || v instanceof Long ? Optional.of(((Number) v).longValue())
        : of.<Long>wrong("seed", "a whole number", v)).orElse(0L);
  }

  private static OptionalInt optional(Settings of, String key, int least, Problems problems) {
    return of.any(key).isPresent() ? OptionalInt.of(atLeast(of, key, least, least, problems)) : OptionalInt.empty();
  }

  private static int atLeast(Settings of, String key, int least, Problems problems) {
    return atLeast(of, key, least, least, problems);
  }

  private static int atLeast(Settings of, String key, int otherwise, int least, Problems problems) {
    int value = of.integer(key, otherwise);
    if (value < least) {
      problems.add("%s must be at least %d, got %d", key, least, value);
    }
    return value;
  }

  private record Check(Settings of, Problems problems) {

    double above(String key, double otherwise) {
      double value = of.number(key, otherwise);
      if (!(value > 0) || Double.isInfinite(value)) {
        problems.add("%s must be a positive number, got %s%s", key, value, key.equals("temperature")
            ? "; for the best token each time: do_sample false" : "");
      }
      return value;
    }

    double within(String key, double otherwise) {
      double value = of.number(key, otherwise);
      if (!(value >= 0 && value <= 1)) {
        problems.add("%s must be from 0 to 1, got %s", key, value);
      }
      return value;
    }
  }

  private static List<List<Integer>> sequences(Settings of, String key) {
    List<List<Integer>> found = new ArrayList<>();
    of.any(key).ifPresent(v -> {
      if (!(v instanceof Collection<?> all) || all.stream().anyMatch(one -> tokens(one).isEmpty())) {
        of.wrong(key, "a list of lists of token ids", v);
        return;
      }
      all.forEach(one -> found.add(tokens(one).orElseThrow()));
    });
    return found;
  }

  private static Optional<List<Integer>> tokens(Object value) {
    List<Integer> ids = new ArrayList<>();
    if (!(value instanceof Collection<?> all) || all.isEmpty()) {
      return Optional.empty();
    }
    for (Object id : all) {
      if (!(id instanceof Integer number) || number < 0) {
        return Optional.empty();
      }
      ids.add(number);
    }
    return Optional.of(ids);
  }

  /** {@code sequence_bias}, a list of pairs of token ids and a number, and {@code logit_bias}, a map. */
  private static Map<List<Integer>, Double> bias(Settings of) {
    Map<List<Integer>, Double> found = new LinkedHashMap<>();
    of.any("sequence_bias").ifPresent(v -> {
      for (Object pair : v instanceof Collection<?> all ? all : List.of(v)) {
        if (pair instanceof List<?> two && two.size() == 2 && tokens(two.getFirst()).isPresent() && two.getLast() instanceof Number number) {
          found.put(tokens(two.getFirst()).orElseThrow(), number.doubleValue());
        } else {
          of.wrong("sequence_bias", "a list of [[token ids], number]", v);
          return;
        }
      }
    });
    of.numberMap("logit_bias").forEach((id, number) -> {
      if (id.matches("\\d{1,9}")) {
        found.merge(List.of(Integer.valueOf(id)), number, Double::sum);
      } else {
        of.wrong("logit_bias", "a map from token id to number", id);
      }
    });
    return found;
  }
}
