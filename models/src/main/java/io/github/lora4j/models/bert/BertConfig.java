package io.github.lora4j.models.bert;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.models.internal.ConfigFields;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.FormatException;
import java.util.List;

/**
 * The fields of a Hugging Face {@code config.json} of a BERT or RoBERTa that change what is computed.
 *
 * @param modelType "bert" or "roberta"
 * @param firstPosition the position of a sequence's first token: 0, or with RoBERTa pad_token_id + 1
 * @param labels the names of the classes, in order (id2label); empty if the file has none
 * @param initializerRange standard deviation of a new head's weights
 */
public record BertConfig(String modelType, int vocabSize, int hiddenSize, int layers, int heads, int intermediateSize, Activation activation,
    int maxPositions, int firstPosition, int typeVocabSize, double layerNormEps, double initializerRange, List<String> labels) {

  private static final String ROBERTA = "roberta";

  /** A BERT. */
  public BertConfig(int vocabSize, int hiddenSize, int layers, int heads, int intermediateSize, Activation activation, int maxPositions,
      int typeVocabSize, double layerNormEps, double initializerRange, List<String> labels) {
    this("bert", vocabSize, hiddenSize, layers, heads, intermediateSize, activation, maxPositions, 0, typeVocabSize, layerNormEps,
        initializerRange, labels);
  }

  /** Reads the fields; {@code source} is named in errors. */
  public static BertConfig of(JsonNode json, String source) {
    String type = json.path("model_type").asText("");
    if (!List.of("bert", ROBERTA).contains(type)) {
      throw new FormatException("%s: model_type is \"%s\"; the encoders supported are: bert, roberta".formatted(source, type));
    }
    String position = json.path("position_embedding_type").asText("absolute");
    if (!position.equals("absolute")) {
      throw new FormatException("%s: position_embedding_type \"%s\" is not supported, only absolute".formatted(source, position));
    }
    if (json.path("is_decoder").asBoolean(false) || json.path("add_cross_attention").asBoolean(false)) {
      throw new FormatException("%s: a decoder (is_decoder, add_cross_attention) is not supported".formatted(source));
    }
    ConfigFields fields = new ConfigFields(json, source);
    int hidden = fields.number("hidden_size");
    int heads = fields.number("num_attention_heads");
    fields.headDim(hidden, "hidden_size", heads, "num_attention_heads");
    int positions = fields.number("max_position_embeddings");
    int first = type.equals(ROBERTA) ? json.path("pad_token_id").asInt(1) + 1 : 0;
    if (first < 0 || first >= positions) {
      throw new FormatException("%s: pad_token_id %s leaves no positions of max_position_embeddings %d".formatted(source,
          json.path("pad_token_id"), positions));
    }
    return new BertConfig(type, fields.number("vocab_size"), hidden, fields.number("num_hidden_layers"), heads,
        fields.number("intermediate_size"), fields.activation("hidden_act", "gelu"), positions, first, json.path("type_vocab_size").asInt(2),
        json.path("layer_norm_eps").asDouble(1e-12), json.path("initializer_range").asDouble(0.02), fields.labels());
  }

  /** Whether it is a RoBERTa (Liu et al. 2019): other positions, and another head for whole sequences. */
  public boolean roberta() {
    return modelType.equals(ROBERTA);
  }

  /** The most tokens a sequence can have. */
  public int longest() {
    return maxPositions - firstPosition;
  }

  /** What the names of the encoder's modules begin with inside a model that has a head: "bert." or "roberta.". */
  public String prefix() {
    return modelType + ".";
  }
}
