package io.github.lora4j.models.internal;

import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Rotary positions of a GGUF file: keys, and divisors of the frequencies as tensors, which no key mentions. */
final class GgufRope {

  private static final String DIVISORS = "rope_freqs.weight";
  private static final String NEAR = "rope_factors_short.weight";
  private static final String FAR = "rope_factors_long.weight";

  /** Tensors that are part of the settings, not of the weights. */
  static final List<String> TENSORS = List.of(DIVISORS, NEAR, FAR);

  private final GgufFile file;
  private final GgufMetadata of;
  private final String prefix;

  GgufRope(GgufFile file, String architecture) {
    this.file = file;
    this.of = file.metadata();
    this.prefix = architecture + ".rope.";
  }

  /** Adds rope_theta, partial_rotary_factor and rope_scaling to a config. */
  void add(Map<String, Object> config) {
    if (of.has(prefix + "freq_base")) {
      config.put("rope_theta", GgufConfig.decimal(of.number(prefix + "freq_base")));
    }
    int size = config.get("head_dim") instanceof Integer given ? given
        : config.get("hidden_size") instanceof Integer hidden && config.get("num_attention_heads") instanceof Integer heads && heads > 0
        ? hidden / heads : 0;
    int columns = of.has(prefix + "dimension_count") ? of.count(prefix + "dimension_count") : size;
    if (size > 0 && columns != size) {
      config.put("partial_rotary_factor", (double) columns / size);
    }
    Map<String, Object> scaling = scaling(config, columns);
    if (!scaling.isEmpty()) {
      config.put("rope_scaling", scaling);
    }
  }

  private Map<String, Object> scaling(Map<String, Object> config, int columns) {
    Map<String, Object> scaling = new LinkedHashMap<>();
    if (file.has(NEAR) || file.has(FAR)) {
      scaling.put("rope_type", "longrope");
      scaling.put("short_factor", divisors(NEAR));
      scaling.put("long_factor", divisors(FAR));
      number(scaling, "scaling.attn_factor", "attention_factor");
      original(scaling);
      return scaling;
    }
    if (file.has(DIVISORS)) {
      return divided(config, divisors(DIVISORS), columns);
    }
    String type = of.optionalText(prefix + "scaling.type").orElse("none");
    switch (type) {
      case "none" -> {
        return scaling;
      }
      case "linear" -> {
        scaling.put("rope_type", "linear");
        number(scaling, "scaling.factor", "factor");
      }
      case "yarn" -> {
        scaling.put("rope_type", "yarn");
        number(scaling, "scaling.factor", "factor");
        number(scaling, "scaling.yarn_beta_fast", "beta_fast");
        number(scaling, "scaling.yarn_beta_slow", "beta_slow");
        original(scaling);
        String attention = prefix + "scaling.attn_factor";
        if (of.has(attention) && of.number(attention) != 1) {
          // There what the factor of the stretch gives is multiplied with this, here the product is said.
          scaling.put("attention_factor", of.number(attention) * (0.1 * Math.log(of.number(prefix + "scaling.factor")) + 1));
        }
      }
      default -> throw of.error("%sscaling.type is \"%s\", which is not supported; none, linear, yarn and divisors as tensors are".formatted(prefix,
          type));
    }
    return scaling;
  }

  /** Llama 3's scaling by the numbers that it was made of, if they can be found; others as divisors that are the same for every length. */
  private Map<String, Object> divided(Map<String, Object> config, List<Double> divisors, int columns) {
    double theta = config.get("rope_theta") instanceof Double given ? given : 10_000;
    double factor = divisors.stream().mapToDouble(d -> d).max().orElse(1);
    for (int original = 8; original <= 1 << 20; original *= 2) {
      if (isLlama3(divisors, new Stretch(theta, factor, original), columns)) {
        return new LinkedHashMap<>(Map.of("rope_type", "llama3", "factor", factor, "low_freq_factor", 1.0, "high_freq_factor", 4.0,
            "original_max_position_embeddings", original));
      }
    }
    return new LinkedHashMap<>(Map.of("rope_type", "longrope", "short_factor", divisors, "long_factor", divisors, "attention_factor", 1.0));
  }

  private record Stretch(double theta, double factor, int original) {}

  private static boolean isLlama3(List<Double> divisors, Stretch stretch, int columns) {
    if (divisors.size() != columns / 2 || stretch.factor <= 1) {
      return false;
    }
    for (int j = 0; j < divisors.size(); j++) {
      double wave = 2 * Math.PI * Math.pow(stretch.theta, 2.0 * j / columns);
      double smooth = Math.clamp((stretch.original / wave - 1) / 3, 0.0, 1.0);
      double expected = 1 / ((1 - smooth) / stretch.factor + smooth);
      if (Math.abs(expected - divisors.get(j)) > 1e-5 * expected) {
        return false;
      }
    }
    return true;
  }

  private List<Double> divisors(String name) {
    GgufTensor tensor = file.tensor(name);
    if (tensor.type() != GgmlType.F32 || tensor.shape().size() != 1 || tensor.elements() > 1 << 16) {
      throw of.error("tensor %s should be F32 of one dimension, is %s %s".formatted(name, tensor.type(), tensor.shape()));
    }
    float[] values = new float[(int) tensor.elements()];
    file.read(name, 0, MemorySegment.ofArray(values));
    List<Double> divisors = new ArrayList<>();
    for (float value : values) {
      if (!(value > 0) || Float.isInfinite(value)) {
        throw of.error("tensor %s holds %s; divisors of frequencies are positive".formatted(name, value));
      }
      divisors.add((double) value);
    }
    return divisors;
  }

  private void number(Map<String, Object> scaling, String key, String name) {
    if (of.has(prefix + key)) {
      scaling.put(name, GgufConfig.decimal(of.number(prefix + key)));
    }
  }

  private void original(Map<String, Object> scaling) {
    if (of.has(prefix + "scaling.original_context_length")) {
      scaling.put("original_max_position_embeddings", of.count(prefix + "scaling.original_context_length"));
    }
  }
}
