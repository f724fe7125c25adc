package io.github.lora4j.models.llama;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.models.internal.ConfigFields;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * The fields of a Hugging Face {@code config.json} of a Llama, or of a Qwen2 (a Llama with biases on queries, keys and values), that change
 * what is computed.
 *
 * @param modelType "llama" or "qwen2"
 * @param attentionBias whether queries, keys and values have biases
 * @param outputBias whether the attention's output projection has one
 * @param tied whether the output layer is the embedding
 * @param sources for each layer, the layer of the files whose weights it uses: its own index unless layers are replicated
 */
public record LlamaConfig(String modelType, int vocabSize, int hiddenSize, int layers, int heads, int kvHeads, int headDim, int intermediateSize,
    int maxPositions, double rmsNormEps, Rope rope, boolean attentionBias, boolean outputBias, boolean mlpBias, boolean tied,
    double initializerRange, List<Integer> sources) {

  private static final String LAYERS = "model.layers.";

  /** Checks that every layer has a source. */
  public LlamaConfig {
    sources = List.copyOf(sources);
    if (sources.size() != layers) {
      throw new ConfigException("%d layers have %d sources".formatted(layers, sources.size()));
    }
  }

  /**
   * Rotary positions.
   *
   * @param type "default", "linear" or "llama3"
   * @param factor by which positions are stretched
   * @param lowFrequencyFactor, highFrequencyFactor and originalPositions where llama3's stretching begins and ends
   */
  public record Rope(double theta, String type, double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions) {}

  /** Reads the fields; {@code source} is named in errors. */
  public static LlamaConfig of(JsonNode json, String source) {
    String type = json.path("model_type").asText("");
    if (!List.of("llama", "qwen2").contains(type)) {
      throw new FormatException("%s: model_type is \"%s\"; the decoders supported are: gpt2, llama, qwen2".formatted(source, type));
    }
    String act = json.path("hidden_act").asText("silu");
    if (!act.equals("silu")) {
      throw new FormatException("%s: hidden_act \"%s\" is not supported, only silu".formatted(source, act));
    }
    if (json.path("use_sliding_window").asBoolean(false)) {
      throw new FormatException("%s: use_sliding_window is not supported".formatted(source));
    }
    ConfigFields fields = new ConfigFields(json, source);
    int hidden = fields.number("hidden_size");
    int heads = fields.number("num_attention_heads");
    int kvHeads = json.path("num_key_value_heads").isNull() || json.path("num_key_value_heads").isMissingNode() ? heads
        : fields.number("num_key_value_heads");
    int headDim = json.path("head_dim").isIntegralNumber() ? fields.number("head_dim") : hidden / heads;
    if (heads % kvHeads != 0 || headDim % 2 != 0 || !json.path("head_dim").isIntegralNumber() && hidden % heads != 0) {
      throw new FormatException(("%s: %d attention heads of %d for %d key/value heads and hidden_size %d: heads must be a multiple of key/value "
          + "heads, and their size even").formatted(source, heads, headDim, kvHeads, hidden));
    }
    boolean qwen = type.equals("qwen2");
    boolean bias = json.path("attention_bias").asBoolean(false);
    return new LlamaConfig(type, fields.number("vocab_size"), hidden, fields.number("num_hidden_layers"), heads, kvHeads, headDim,
        fields.number("intermediate_size"), fields.number("max_position_embeddings"), json.path("rms_norm_eps").asDouble(1e-6),
        rope(json, source), qwen || bias, !qwen && bias, json.path("mlp_bias").asBoolean(false), json.path("tie_word_embeddings").asBoolean(false),
        json.path("initializer_range").asDouble(0.02), IntStream.range(0, fields.number("num_hidden_layers")).boxed().toList());
  }

  /**
   * A deeper model whose layers share the weights of these: PEFT's {@code layer_replication} (Kim et al., "SOLAR 10.7B", 2023).
   *
   * @param ranges (first, end) of layers, one range behind the other
   * @throws ConfigException when a range is not within the layers
   */
  public LlamaConfig replicated(List<List<Integer>> ranges) {
    if (ranges.isEmpty()) {
      return this;
    }
    List<Integer> order = new ArrayList<>();
    for (List<Integer> range : ranges) {
      if (range.size() != 2 || range.getFirst() < 0 || range.getFirst() >= range.getLast() || range.getLast() > layers) {
        throw new ConfigException(("layer_replication: a range must be [first, end] with 0 <= first < end <= %d, the number of layers, got "
            + "%s").formatted(layers, range));
      }
      order.addAll(sources.subList(range.getFirst(), range.getLast()));
    }
    return new LlamaConfig(modelType, vocabSize, hiddenSize, order.size(), heads, kvHeads, headDim, intermediateSize, maxPositions,
        rmsNormEps, rope, attentionBias, outputBias, mlpBias, tied, initializerRange, order);
  }

  /** The name that a parameter has in the files. */
  public String stored(String parameter) {
    return withLayer(parameter, sources::get);
  }

  /** The parameter that one of this name is: that of the first layer with the same source. */
  public String shared(String parameter) {
    return withLayer(parameter, layer -> sources.indexOf(sources.get(layer)));
  }

  private static String withLayer(String parameter, IntUnaryOperator map) {
    if (!parameter.startsWith(LAYERS)) {
      return parameter;
    }
    int dot = parameter.indexOf('.', LAYERS.length());
    return LAYERS + map.applyAsInt(Integer.parseInt(parameter.substring(LAYERS.length(), dot))) + parameter.substring(dot);
  }

  private static Rope rope(JsonNode json, String source) {
    // Newer files hold theta beside the scaling.
    JsonNode scaling = json.path(json.path("rope_parameters").isObject() ? "rope_parameters" : "rope_scaling");
    double theta = scaling.path("rope_theta").asDouble(json.path("rope_theta").asDouble(10_000));
    String type = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
    return switch (type) {
      case "default" -> new Rope(theta, type, 1, 1, 1, 1);
      case "linear" -> new Rope(theta, type, positive(scaling, "factor", source), 1, 1, 1);
      case "llama3" -> new Rope(theta, type, positive(scaling, "factor", source), positive(scaling, "low_freq_factor", source),
          positive(scaling, "high_freq_factor", source), (int) positive(scaling, "original_max_position_embeddings", source));
      default -> throw new FormatException("%s: rope scaling \"%s\" is not supported; default, linear and llama3 are".formatted(source, type));
    };
  }

  private static double positive(JsonNode json, String key, String source) {
    double value = json.path(key).asDouble(Double.NaN);
    if (!(value > 0)) {
      throw new FormatException("%s: rope scaling needs a positive %s, got %s".formatted(source, key, json.path(key)));
    }
    return value;
  }

  /**
   * Cosines of the half head, then sines, for positions below {@code count}: angles are position·frequency with frequencies
   * theta^(−2j/headDim), which llama3 divides by the factor where the wave is longer than the original context, and blends in between.
   */
  public float[] ropeTable(int count) {
    int half = headDim / 2;
    float[] table = new float[count * headDim];
    for (int j = 0; j < half; j++) {
      double frequency = scaled(Math.pow(rope.theta, -2.0 * j / headDim));
      for (int p = 0; p < count; p++) {
        table[p * headDim + j] = (float) Math.cos(p * frequency);
        table[p * headDim + half + j] = (float) Math.sin(p * frequency);
      }
    }
    return table;
  }

  private double scaled(double frequency) {
    if (!rope.type.equals("llama3")) {
      return frequency / rope.factor;
    }
    double wave = 2 * Math.PI / frequency;
    double shortest = rope.originalPositions / rope.highFrequencyFactor;
    double longest = rope.originalPositions / rope.lowFrequencyFactor;
    if (wave < shortest || wave > longest) {
      return wave < shortest ? frequency : frequency / rope.factor;
    }
    double blend = (rope.originalPositions / wave - rope.lowFrequencyFactor) / (rope.highFrequencyFactor - rope.lowFrequencyFactor);
    return (1 - blend) * frequency / rope.factor + blend * frequency;
  }
}
