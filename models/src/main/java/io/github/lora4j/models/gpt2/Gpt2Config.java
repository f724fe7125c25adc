package io.github.lora4j.models.gpt2;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.models.internal.ConfigFields;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.FormatException;

/**
 * The fields of a Hugging Face {@code config.json} of a GPT-2 that change what is computed.
 *
 * @param intermediateSize n_inner, or 4·n_embd where the file has none
 * @param tied whether the output layer is the embedding
 */
public record Gpt2Config(int vocabSize, int hiddenSize, int layers, int heads, int intermediateSize, Activation activation, int maxPositions,
    double layerNormEps, boolean scaleByRoot, boolean scaleByLayer, boolean tied, double initializerRange) {

  /** Reads the fields; {@code source} is named in errors. */
  public static Gpt2Config of(JsonNode json, String source) {
    String type = json.path("model_type").asText("");
    if (!type.equals("gpt2")) {
      throw new FormatException("%s: model_type is \"%s\", expected gpt2".formatted(source, type));
    }
    if (json.path("add_cross_attention").asBoolean(false)) {
      throw new FormatException("%s: a GPT-2 behind an encoder (add_cross_attention) is not supported".formatted(source));
    }
    ConfigFields fields = new ConfigFields(json, source);
    int hidden = fields.number("n_embd");
    int heads = fields.number("n_head");
    fields.headDim(hidden, "n_embd", heads, "n_head");
    boolean inner = json.hasNonNull("n_inner");
    return new Gpt2Config(fields.number("vocab_size"), hidden, fields.number("n_layer"), heads, inner ? fields.number("n_inner") : 4 * hidden,
        fields.activation("activation_function", "gelu_new"), fields.number("n_positions"), json.path("layer_norm_epsilon").asDouble(1e-5),
        json.path("scale_attn_weights").asBoolean(true), json.path("scale_attn_by_inverse_layer_idx").asBoolean(false),
        json.path("tie_word_embeddings").asBoolean(true), json.path("initializer_range").asDouble(0.02));
  }

  /** What attention scores of a layer are multiplied with: 1/√(head size), and with scaleByLayer 1/(layer + 1). */
  public double attentionScale(int layer) {
    return (scaleByRoot ? 1 / Math.sqrt((double) hiddenSize / heads) : 1) / (scaleByLayer ? layer + 1 : 1);
  }
}
