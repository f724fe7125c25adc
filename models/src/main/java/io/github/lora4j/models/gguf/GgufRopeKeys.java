package io.github.lora4j.models.gguf;

import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.models.ModelConfig;
import io.github.lora4j.vector.ConfigException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Rotary positions as GGUF says them: keys, and divisors of the frequencies as tensors. */
final class GgufRopeKeys {

  /** Architectures of which llama.cpp reads the lists of longrope. */
  private static final List<String> LONGROPE = List.of("llama", "phi3");

  private final ModelConfig config;
  private final ModelConfig parameters;
  private final String architecture;
  private final GgufWriter writer;

  GgufRopeKeys(ModelConfig config, String architecture, GgufWriter writer) {
    this.config = config;
    ModelConfig given = config.object("rope_parameters").or(() -> config.object("rope_scaling")).orElse(ModelConfig.of(java.util.Map.of()));
    // Newer files of models with windows have parameters for each kind of layer.
    parameters = given.object("full_attention").orElse(given);
    this.architecture = architecture;
    this.writer = writer;
  }

  void add() {
    int size = columns();
    // An odd number turns as one more, by the frequencies of the odd number; llama.cpp wants even ones, for which this base gives the same frequencies.
    int columns = size + size % 2;
    boolean based = parameters.has("rope_theta") || config.has("rope_theta") || config.has("rotary_emb_base");
    double theta = Math.pow(parameters.positive("rope_theta", config.positive("rope_theta", config.positive("rotary_emb_base", 10_000))),
        (double) columns / size);
    if (based || columns != size) {
      key("freq_base", GgufValue.of((float) theta));
    }
    key("dimension_count", GgufValue.u32(columns));
    String type = parameters.text("rope_type", parameters.text("type", "default"));
    switch (type) {
      case "default" -> { }
      case "linear" -> scaling("linear");
      case "yarn" -> {
        scaling("yarn");
        original();
        number("beta_fast", "scaling.yarn_beta_fast", 1);
        number("beta_slow", "scaling.yarn_beta_slow", 1);
        // There it is multiplied with what the factor of the stretch gives.
        number("attention_factor", "scaling.attn_factor", 0.1 * Math.log(parameters.positive("factor")) + 1);
      }
      case "llama3" -> divisors("rope_freqs.weight", llama3(theta, columns));
      case "longrope", "su" -> longrope();
      default -> throw new ConfigException("%s: GGUF has no form for rotary positions of type \"%s\"".formatted(config.source(), type));
    }
  }

  /** Both lists, and what the length that they give is multiplied with: llama.cpp computes no factor of its own where none is said. */
  private void longrope() {
    if (!LONGROPE.contains(architecture)) {
      throw new ConfigException("%s: rope_type \"longrope\" is computed by llama.cpp for the architectures %s only, not for %s; write safetensors instead"
          .formatted(config.source(), String.join(" and ", LONGROPE), architecture));
    }
    key("scaling.type", GgufValue.of("longrope"));
    divisors("rope_factors_long.weight", given("long_factor"));
    divisors("rope_factors_short.weight", given("short_factor"));
    String name = "original_max_position_embeddings";
    int positions = config.size("max_position_embeddings");
    int original = config.has(name) ? config.size(name) : parameters.size(name, positions);
    key("scaling.original_context_length", GgufValue.u32(original));
    double factor = parameters.positive("factor", (double) positions / original);
    double own = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    key("scaling.attn_factor", GgufValue.of((float) parameters.positive("attention_factor", own)));
  }

  private int columns() {
    int size = config.has("head_dim") ? config.size("head_dim") : config.headSize("hidden_size", "num_attention_heads");
    return (int) (size * parameters.positive("partial_rotary_factor", config.positive("partial_rotary_factor", config.positive("rotary_pct", 1))));
  }

  private void scaling(String type) {
    key("scaling.type", GgufValue.of(type));
    key("scaling.factor", GgufValue.of((float) parameters.positive("factor")));
  }

  private void original() {
    String name = "original_max_position_embeddings";
    if (parameters.has(name) || config.has(name)) {
      key("scaling.original_context_length", GgufValue.u32(config.has(name) ? config.size(name) : parameters.size(name)));
    }
  }

  private void number(String name, String key, double divisor) {
    if (parameters.has(name)) {
      key(key, GgufValue.of((float) (parameters.positive(name) / divisor)));
    }
  }

  /** What llama.cpp divides frequencies by: in single precision, as its converter computes. */
  private float[] llama3(double theta, int columns) {
    double factor = parameters.positive("factor");
    double low = parameters.positive("low_freq_factor");
    double high = parameters.positive("high_freq_factor");
    double original = parameters.size("original_max_position_embeddings", config.size("max_position_embeddings"));
    float[] divisors = new float[columns / 2];
    for (int j = 0; j < divisors.length; j++) {
      double wave = 2 * Math.PI * Math.pow(theta, 2.0 * j / columns);
      double smooth = Math.clamp((original / wave - low) / (high - low), 0.0, 1.0);
      divisors[j] = (float) (1 / ((1 - smooth) / factor + smooth));
    }
    return divisors;
  }

  private float[] given(String name) {
    List<Double> values = parameters.positives(name);
    float[] divisors = new float[values.size()];
    for (int j = 0; j < divisors.length; j++) {
      divisors[j] = values.get(j).floatValue();
    }
    return divisors;
  }

  private void divisors(String name, float[] values) {
    writer.add(new GgufTensor(name, GgmlType.F32, List.of((long) values.length)), MemorySegment.ofArray(values));
  }

  private void key(String name, GgufValue value) {
    writer.key(architecture + ".rope." + name, value);
  }
}
