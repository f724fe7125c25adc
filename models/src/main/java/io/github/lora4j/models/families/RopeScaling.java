package io.github.lora4j.models.families;

import io.github.lora4j.models.ModelConfig;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Frequencies of rotary positions, theta^(−2j/columns) for pair j, as a model's scaling changes them: "linear" (Chen et al. 2023), "dynamic"
 * (NTK-aware), "yarn" (Peng et al. 2023), "longrope" (Ding et al. 2024), "llama3".
 */
final class RopeScaling {

  /** Frequencies of a sequence of some length. */
  private interface Frequencies {
    double[] of(int length);
  }

  private final boolean byLength;
  private final double magnitude;
  private final double stretch;
  private final int border;
  private final Frequencies frequencies;

  private RopeScaling(boolean byLength, double magnitude, double stretch, int border, Frequencies frequencies) {
    this.border = border;
    this.byLength = byLength;
    this.magnitude = magnitude;
    this.stretch = stretch;
    this.frequencies = frequencies;
  }

  /** Where a config has them: newer files hold theta beside the scaling, older ones in the file itself. */
  static ModelConfig parameters(ModelConfig config) {
    return config.object("rope_parameters").or(() -> config.object("rope_scaling"))
        .orElse(new ModelConfig(config.json().path("no such field"), config.source()));
  }

  /** The same with a base where it has none. */
  static ModelConfig orTheta(ModelConfig config, ModelConfig parameters, double theta) {
    return parameters.has("rope_theta") ? parameters : parameters.with("rope_theta", config.positive("rope_theta", theta));
  }

  static RopeScaling of(ModelConfig config, ModelConfig scaling, int columns) {
    double theta = scaling.positive("rope_theta", config.positive("rope_theta", config.positive("rotary_emb_base", 10_000)));
    String type = scaling.text("rope_type", scaling.text("type", "default"));
    double[] plain = powers(theta, columns);
    return switch (type) {
      case "default" -> fixed(1, plain);
      case "linear" -> {
        double factor = scaling.positive("factor");
        yield fixed(1, Arrays.stream(plain).map(f -> f / factor).toArray());
      }
      case "llama3" -> fixed(1, llama3(scaling, original(config, scaling), plain));
      case "dynamic" -> dynamic(scaling, theta, config.size("max_position_embeddings"), columns);
      case "yarn" -> yarn(scaling, original(config, scaling), theta, columns, plain);
      case "longrope", "su" -> longrope(config, scaling, original(config, scaling), plain);
      default -> throw scaling.error("rope_type \"%s\" is not supported; default, linear, dynamic, yarn, longrope and llama3 are".formatted(type));
    };
  }

  /** How many positions the model was trained with before they were stretched; some files have it beside the scaling. */
  private static int original(ModelConfig config, ModelConfig scaling) {
    String key = "original_max_position_embeddings";
    return config.has(key) ? config.size(key) : scaling.size(key, config.size("max_position_embeddings"));
  }

  private static double[] powers(double theta, int columns) {
    double[] powers = new double[(columns + 1) / 2];
    Arrays.setAll(powers, j -> Math.pow(theta, -2.0 * j / columns));
    return powers;
  }

  private static RopeScaling fixed(double magnitude, double[] frequencies) {
    return new RopeScaling(false, magnitude, 1, 0, length -> frequencies);
  }

  /** Divided by the factor where the wave is longer than the original context, and blended in between. */
  private static double[] llama3(ModelConfig scaling, int original, double[] plain) {
    double factor = scaling.positive("factor");
    double low = scaling.positive("low_freq_factor");
    double high = scaling.positive("high_freq_factor");
    return Arrays.stream(plain).map(frequency -> {
      double wave = 2 * Math.PI / frequency;
      double shortest = original / high;
      double longest = original / low;
      if (wave < shortest || wave > longest) {
        return wave < shortest ? frequency : frequency / factor;
      }
      double blend = (original / wave - low) / (high - low);
      return (1 - blend) * frequency / factor + blend * frequency;
    }).toArray();
  }

  /** The base grows with a sequence that is longer than the model's positions. */
  private static RopeScaling dynamic(ModelConfig scaling, double theta, int positions, int columns) {
    double factor = scaling.positive("factor");
    if (columns == 2) {
      throw scaling.error("rope_type \"dynamic\" needs more than 2 columns of a head that turn");
    }
    // Each length's are made once, so that a training step makes none. Two threads that make the same write the same.
    double[][] made = new double[(int) Math.clamp(factor * positions, positions, Math.max(positions, 1 << 20)) + 1][];
    return new RopeScaling(true, 1, factor, 0, length -> {
      int at = Math.clamp(length, positions, made.length - 1);
      if (made[at] == null) {
        double more = factor * at / positions - (factor - 1);
        made[at] = powers(theta * Math.pow(more, columns / (columns - 2.0)), columns);
      }
      return made[at];
    });
  }

  /** Fast waves stay, slow ones are divided by the factor, with a ramp between two numbers of turns within the original context. */
  private static RopeScaling yarn(ModelConfig scaling, int original, double theta, int columns, double[] plain) {
    double factor = scaling.positive("factor");
    double low = turns(scaling.positive("beta_fast", 32), original, theta, columns);
    double high = turns(scaling.positive("beta_slow", 1), original, theta, columns);
    boolean whole = scaling.flag("truncate", true);
    double first = Math.max(whole ? Math.floor(low) : low, 0);
    double end = Math.min(whole ? Math.ceil(high) : high, columns - 1);
    double span = first == end ? 0.001 : end - first;
    double[] frequencies = new double[plain.length];
    Arrays.setAll(frequencies, j -> {
      double slow = Math.clamp((j - first) / span, 0.0, 1.0);
      return plain[j] / factor * slow + plain[j] * (1 - slow);
    });
    double own = scaling.has("mscale") && scaling.has("mscale_all_dim")
        ? magnitude(factor, scaling.positive("mscale")) / magnitude(factor, scaling.positive("mscale_all_dim")) : magnitude(factor, 1);
    return fixed(scaling.positive("attention_factor", own), frequencies);
  }

  private static double turns(double rotations, int original, double theta, int columns) {
    return columns * Math.log(original / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  private static double magnitude(double factor, double weight) {
    return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  }

  /** A divisor for each frequency, one list for sequences within the original context and one for longer ones. */
  private static RopeScaling longrope(ModelConfig config, ModelConfig scaling, int original, double[] plain) {
    double[] near = divided(scaling, "short_factor", plain);
    double[] far = divided(scaling, "long_factor", plain);
    double factor = scaling.positive("factor", (double) config.size("max_position_embeddings") / original);
    double own = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    return new RopeScaling(true, scaling.positive("attention_factor", own), 1, original, length -> length > original ? far : near);
  }

  private static double[] divided(ModelConfig scaling, String key, double[] plain) {
    List<Double> divisors = scaling.positives(key);
    if (divisors.size() != plain.length) {
      throw scaling.error("%s has %d numbers, but %d pairs of columns turn".formatted(key, divisors.size(), plain.length));
    }
    double[] result = new double[plain.length];
    Arrays.setAll(result, j -> plain[j] / divisors.get(j));
    return result;
  }

  /** Whether frequencies depend on a sequence's length. */
  boolean byLength() {
    return byLength;
  }

  /** The longest sequence of the first of two kinds of frequencies; empty where they are of one kind, or of as many as there are lengths. */
  OptionalInt border() {
    return border > 0 ? OptionalInt.of(border) : OptionalInt.empty();
  }

  /** What cosines and sines are multiplied with. */
  double magnitude() {
    return magnitude;
  }

  /** The longest sequence of a model of so many positions. */
  int longest(int positions) {
    return (int) Math.clamp(stretch * positions, 1, Integer.MAX_VALUE);
  }

  /** The frequency of each pair of columns. */
  double[] frequencies(int length) {
    return frequencies.of(length);
  }
}
