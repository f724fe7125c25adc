package io.github.lora4j.models.families;

import io.github.lora4j.models.ModelConfig;

/**
 * Rotary positions (Su et al. 2021) with the scalings of Hugging Face's {@code rope_scaling}.
 *
 * @param type "default", "linear" or "llama3"
 * @param factor by which positions are stretched
 * @param lowFrequencyFactor of llama3: waves longer than originalPositions over it are stretched
 * @param highFrequencyFactor of llama3: waves shorter than originalPositions over it are not
 */
record Rope(double theta, String type, double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions) {

  /** Name of the constant that holds the angles of the positions. */
  static final String TABLE = "rope.table";

  /** Reads the fields; newer files hold theta beside the scaling. */
  static Rope of(ModelConfig config) {
    ModelConfig none = new ModelConfig(config.json().path("no such field"), config.source());
    ModelConfig scaling = config.object("rope_parameters").or(() -> config.object("rope_scaling")).orElse(none);
    double theta = scaling.positive("rope_theta", config.positive("rope_theta", 10_000));
    String type = scaling.text("rope_type", scaling.text("type", "default"));
    return switch (type) {
      case "default" -> new Rope(theta, type, 1, 1, 1, 1);
      case "linear" -> new Rope(theta, type, scaling.positive("factor"), 1, 1, 1);
      case "llama3" -> new Rope(theta, type, scaling.positive("factor"), scaling.positive("low_freq_factor"),
          scaling.positive("high_freq_factor"), scaling.size("original_max_position_embeddings"));
      default -> throw scaling.error("rope_type \"%s\" is not supported; default, linear and llama3 are".formatted(type));
    };
  }

  /**
   * Cosines of the half head, then sines, for positions below {@code count}: angles are position·frequency with frequencies
   * theta^(−2j/headSize), which llama3 divides by the factor where the wave is longer than the original context, and blends in between.
   */
  float[] table(int count, int headSize) {
    int half = headSize / 2;
    float[] table = new float[count * headSize];
    for (int j = 0; j < half; j++) {
      double frequency = scaled(Math.pow(theta, -2.0 * j / headSize));
      for (int p = 0; p < count; p++) {
        table[p * headSize + j] = (float) Math.cos(p * frequency);
        table[p * headSize + half + j] = (float) Math.sin(p * frequency);
      }
    }
    return table;
  }

  private double scaled(double frequency) {
    if (!type.equals("llama3")) {
      return frequency / factor;
    }
    double wave = 2 * Math.PI / frequency;
    double shortest = originalPositions / highFrequencyFactor;
    double longest = originalPositions / lowFrequencyFactor;
    if (wave < shortest || wave > longest) {
      return wave < shortest ? frequency : frequency / factor;
    }
    double blend = (originalPositions / wave - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return (1 - blend) * frequency / factor + blend * frequency;
  }
}
