package io.github.lora4j.serve.openai;

import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.inference.engine.Voices;
import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.serve.adapters.Scales;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.vector.ConfigException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;

/**
 * What both kinds of completions are asked with. Settings of the body go before those of the model's generation_config.json; where neither says how
 * tokens are chosen they are drawn at temperature 1, as OpenAI does.
 *
 * @param model the name, which exists
 * @param n answers to each prompt
 * @param stream whether the answer comes as events
 * @param usage whether the last event counts tokens
 * @param settings by transformers' names, without a seed
 * @param seed of the first answer; each further one's is the next number
 * @param factors of adapters, in place of the model's; empty: the model's
 */
record Asked(String model, int n, boolean stream, boolean usage, Map<String, Object> settings, long seed, Optional<Map<String, Double>> factors) {

  private static final int MOST_ANSWERS = 64;
  private static final int MOST_STOPS = 16;
  private static final double BIAS = 100;
  private static final List<String> BEAMS = List.of("num_beams", "num_return_sequences", "length_penalty", "early_stopping", "max_length");

  /** @param tokens of an answer at most, where nothing says it; 0: as many as there is room for */
  static Asked read(Fields body, ServedModel served, int tokens) {
    String named = body.text("model").orElse("");
    String model = named.isEmpty() ? served.standard() : named;
    if (!served.names().contains(model)) {
      throw Refusal.noModel("The model '%s' does not exist; there are: %s".formatted(model, String.join(", ", served.names())));
    }
    int n = body.whole("n", 1, MOST_ANSWERS).orElse(1);
    boolean stream = body.flag("stream");
    boolean usage = body.object("stream_options").map(options -> {
      boolean wanted = options.flag("include_usage");
      options.ignore("include_obfuscation").end();
      return wanted;
    }).orElse(false);
    body.ignore("user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "cache_prompt", "verbosity");
    long seed = body.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE).orElseGet(() -> ThreadLocalRandom.current().nextLong());
    return new Asked(model, n, stream, usage, settings(body, served.settings(), tokens), seed, factors(body, served, named));
  }

  /** llama-server's {@code lora}: what is left out counts 0. Without it the server's own scales count where no model is named. */
  private static Optional<Map<String, Double>> factors(Fields body, ServedModel served, String named) {
    if (body.any("lora").isEmpty()) {
      return named.isEmpty() ? Optional.of(served.scales()) : Optional.empty();
    }
    if (!named.isEmpty() && !named.equals(served.name())) {
      throw Refusal.invalid("lora", "'lora' weighs adapters on the base model, and 'model' names the adapter '%s' already".formatted(named));
    }
    return Optional.of(Scales.read(body, "lora", served.engine().voices().ids()));
  }

  /** The right to compute for so many sequences. */
  Voices.Lease lease(ServedModel served, int shares) throws InterruptedException {
    try {
      return factors.isPresent() ? served.lease(factors.get(), shares)
          : served.lease(model, shares).orElseThrow(() -> Refusal.noModel("The model '%s' was unloaded".formatted(model)));
    } catch (ConfigException e) {
      throw Refusal.invalid("lora", e.getMessage());
    }
  }

  private static Map<String, Object> settings(Fields body, Map<String, Object> own, int tokens) {
    Map<String, Object> all = new LinkedHashMap<>();
    length(body, own, tokens, all);
    OptionalDouble temperature = body.number("temperature", 0, 100);
    OptionalDouble topP = body.number("top_p", 0, 1);
    OptionalDouble minP = body.number("min_p", 0, 1);
    OptionalInt topK = body.whole("top_k", -1, Integer.MAX_VALUE);
    boolean greedy = temperature.isPresent() ? temperature.getAsDouble() == 0
        : Boolean.FALSE.equals(own.get("do_sample")) && topP.isEmpty() && minP.isEmpty() && topK.isEmpty();
    all.put("do_sample", !greedy);
    if (!greedy) {
      temperature.ifPresent(t -> all.put("temperature", t));
      topP.ifPresent(p -> all.put("top_p", p));
      minP.ifPresent(p -> all.put("min_p", p));
      if (topK.isPresent() || !own.containsKey("top_k")) {
        all.put("top_k", Math.max(0, topK.orElse(0)));
      }
    }
    body.number("frequency_penalty", -2, 2).ifPresent(p -> all.put("frequency_penalty", p));
    body.number("presence_penalty", -2, 2).ifPresent(p -> all.put("presence_penalty", p));
    OptionalDouble repeat = body.number("repeat_penalty", 1e-3, 1e3);
    OptionalDouble repetition = body.number("repetition_penalty", 1e-3, 1e3);
    repeat.ifPresent(p -> all.put("repetition_penalty", p));
    repetition.ifPresent(p -> all.put("repetition_penalty", p));
    body.any("logit_bias").ifPresent(biases -> {
      if (!biases.isObject()) {
        body.wrong("logit_bias", "an object from token id to number", biases);
      }
      biases.properties().forEach(bias -> {
        if (!bias.getKey().matches("\\d{1,9}") || !bias.getValue().isNumber() || !(Math.abs(bias.getValue().doubleValue()) <= BIAS)) {
          body.wrong("logit_bias." + bias.getKey(), "a token id with a number from -100 to 100", bias.getValue());
        }
      });
      all.put("logit_bias", Json.plain(biases));
    });
    List<String> stops = body.texts("stop", MOST_STOPS);
    if (!stops.isEmpty()) {
      all.put("stop_strings", stops);
    }
    if (body.flag("ignore_eos")) {
      all.put("eos_token_id", List.of());
    }
    return all;
  }

  private static void length(Fields body, Map<String, Object> own, int tokens, Map<String, Object> all) {
    OptionalInt most = body.whole("max_completion_tokens", 1, Integer.MAX_VALUE);
    OptionalInt older = body.whole("max_tokens", 1, Integer.MAX_VALUE);
    if (most.isPresent() || older.isPresent()) {
      all.put("max_new_tokens", most.orElseGet(older::getAsInt));
    } else if (!own.containsKey("max_new_tokens") && tokens > 0) {
      all.put("max_new_tokens", tokens);
    }
    OptionalLong least = body.integer("min_tokens", 0, Integer.MAX_VALUE);
    least.ifPresent(n -> all.put("min_new_tokens", (int) n));
  }

  /** The settings of one of the answers. */
  GenerationConfig config(ServedModel served, int answer) {
    Map<String, Object> own = new LinkedHashMap<>(served.settings());
    own.keySet().removeAll(BEAMS);
    Map<String, Object> explicit = new LinkedHashMap<>(settings);
    explicit.put("seed", seed + answer);
    try {
      return GenerationSettings.of(own, explicit);
    } catch (ConfigException e) {
      throw Refusal.invalid("", e.getMessage());
    }
  }
}
