package io.github.lora4j.models.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads fields of a config.json, with errors that name the file and the field.
 *
 * @param source the file, for errors
 */
public record ConfigFields(JsonNode json, String source) {

  private static final Map<String, Activation> ACTIVATIONS = Map.of("gelu", Activation.GELU, "gelu_new", Activation.GELU_TANH,
      "gelu_pytorch_tanh", Activation.GELU_TANH, "relu", Activation.RELU, "silu", Activation.SILU, "swish", Activation.SILU,
      "tanh", Activation.TANH);

  /** A positive whole number. */
  public int number(String key) {
    JsonNode node = json.path(key);
    if (!node.isIntegralNumber() || node.asLong() < 1 || node.asLong() > 1 << 24) {
      throw new FormatException("%s: %s must be a positive whole number, got %s".formatted(source, key, node.isMissingNode() ? "nothing" : node));
    }
    return node.asInt();
  }

  /** An activation function by its Hugging Face name. */
  public Activation activation(String key, String otherwise) {
    String name = json.path(key).asText(otherwise);
    Activation activation = ACTIVATIONS.get(name);
    if (activation == null) {
      throw new FormatException("%s: %s \"%s\" is not one of %s".formatted(source, key, name, ACTIVATIONS.keySet().stream().sorted().toList()));
    }
    return activation;
  }

  /** The heads' size: refuses a hidden size that is not a multiple of the heads. */
  public int headDim(int hidden, String hiddenKey, int heads, String headsKey) {
    if (hidden % heads != 0) {
      throw new FormatException("%s: %s %d is not a multiple of %s %d".formatted(source, hiddenKey, hidden, headsKey, heads));
    }
    return hidden / heads;
  }

  /** The names of the classes, in order (id2label); empty if the file has none. */
  public List<String> labels() {
    JsonNode map = json.path("id2label");
    List<String> labels = new ArrayList<>();
    for (int i = 0; map.has(String.valueOf(i)); i++) {
      labels.add(map.get(String.valueOf(i)).asText());
    }
    return List.copyOf(labels);
  }
}
