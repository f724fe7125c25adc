package io.github.lora4j.models.bert;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The fields of a Hugging Face {@code config.json} of a BERT that change what is computed.
 *
 * @param labels the names of the classes, in order (id2label); empty if the file has none
 * @param initializerRange standard deviation of a new head's weights
 */
public record BertConfig(int vocabSize, int hiddenSize, int layers, int heads, int intermediateSize, Activation activation, int maxPositions,
    int typeVocabSize, double layerNormEps, double initializerRange, List<String> labels) {

  private static final Map<String, Activation> ACTIVATIONS = Map.of("gelu", Activation.GELU, "gelu_new", Activation.GELU_TANH,
      "gelu_pytorch_tanh", Activation.GELU_TANH, "relu", Activation.RELU, "silu", Activation.SILU, "swish", Activation.SILU,
      "tanh", Activation.TANH);

  /** Reads the fields; {@code source} is named in errors. */
  public static BertConfig of(JsonNode json, String source) {
    String type = json.path("model_type").asText("");
    if (!type.equals("bert")) {
      throw new FormatException("%s: model_type is \"%s\"; the families supported are: bert".formatted(source, type));
    }
    String position = json.path("position_embedding_type").asText("absolute");
    if (!position.equals("absolute")) {
      throw new FormatException("%s: position_embedding_type \"%s\" is not supported, only absolute".formatted(source, position));
    }
    if (json.path("is_decoder").asBoolean(false) || json.path("add_cross_attention").asBoolean(false)) {
      throw new FormatException("%s: a BERT decoder (is_decoder, add_cross_attention) is not supported".formatted(source));
    }
    String act = json.path("hidden_act").asText("gelu");
    Activation activation = ACTIVATIONS.get(act);
    if (activation == null) {
      throw new FormatException("%s: hidden_act \"%s\" is not one of %s".formatted(source, act, ACTIVATIONS.keySet().stream().sorted().toList()));
    }
    BertConfig config = new BertConfig(number(json, "vocab_size", source), number(json, "hidden_size", source),
        number(json, "num_hidden_layers", source), number(json, "num_attention_heads", source), number(json, "intermediate_size", source),
        activation, number(json, "max_position_embeddings", source), json.path("type_vocab_size").asInt(2),
        json.path("layer_norm_eps").asDouble(1e-12), json.path("initializer_range").asDouble(0.02), labels(json));
    if (config.hiddenSize % config.heads != 0) {
      throw new FormatException("%s: hidden_size %d is not a multiple of num_attention_heads %d".formatted(source, config.hiddenSize, config.heads));
    }
    return config;
  }

  private static List<String> labels(JsonNode json) {
    JsonNode map = json.path("id2label");
    List<String> labels = new ArrayList<>();
    for (int i = 0; map.has(String.valueOf(i)); i++) {
      labels.add(map.get(String.valueOf(i)).asText());
    }
    return List.copyOf(labels);
  }

  private static int number(JsonNode json, String key, String source) {
    JsonNode node = json.path(key);
    if (!node.isIntegralNumber() || node.asLong() < 1 || node.asLong() > 1 << 24) {
      throw new FormatException("%s: %s must be a positive whole number, got %s".formatted(source, key, node.isMissingNode() ? "nothing" : node));
    }
    return node.asInt();
  }
}
