package io.github.lora4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.Activation;
import io.github.lora4j.vector.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A {@code config.json}. Fields are read with their type: one of another type is an error that names file and field, {@code null} counts as
 * missing.
 *
 * @param source the file, for errors
 */
public record ModelConfig(JsonNode json, String source) {

  private static final Map<String, Activation> ACTIVATIONS = Map.of("gelu", Activation.GELU, "gelu_new", Activation.GELU_TANH,
      "gelu_pytorch_tanh", Activation.GELU_TANH, "gelu_fast", Activation.GELU_TANH, "relu", Activation.RELU, "silu", Activation.SILU, "swish",
      Activation.SILU, "tanh", Activation.TANH);
  private static final int LARGEST = 1 << 24;

  /** A config that is in no file. */
  public static ModelConfig of(Map<String, ?> fields) {
    return new ModelConfig(node(fields), "config");
  }

  /** A value as JSON. By hand, since Jackson's own conversion loads three hundred classes, 16 MB, for it. */
  private static JsonNode node(Object value) {
    JsonNodeFactory json = JsonNodeFactory.instance;
    return switch (value) {
      case String text -> json.textNode(text);
      case Boolean flag -> json.booleanNode(flag);
      case Integer number -> json.numberNode(number);
      case Long number -> json.numberNode(number);
      case Float number -> json.numberNode(number);
      case Double number -> json.numberNode(number);
      case List<?> values -> {
        ArrayNode array = json.arrayNode();
        values.forEach(element -> array.add(node(element)));
        yield array;
      }
      case Map<?, ?> fields -> {
        ObjectNode object = json.objectNode();
        fields.forEach((key, field) -> object.set(String.valueOf(key), node(field)));
        yield object;
      }
      case JsonNode already -> already;
      default -> throw new IllegalArgumentException("a field of a config cannot be a " + value.getClass().getName());
    };
  }

  /** The model it describes, by the family of its model_type. */
  public Architecture architecture() {
    Map<String, ModelFamily> families = ModelFamily.all();
    String type = modelType();
    if (!families.containsKey(type)) {
      throw error("model_type is \"%s\"; supported are: %s".formatted(type, String.join(", ", families.keySet())));
    }
    return families.get(type).of(this);
  }

  /** "bert", "llama". */
  public String modelType() {
    return text("model_type");
  }

  /** Whether the field is there. */
  public boolean has(String key) {
    return json.hasNonNull(key);
  }

  /** A string that must be there. */
  public String text(String key) {
    return expect(key, node(key).isTextual(), "a string").textValue();
  }

  /** A string. */
  public String text(String key, String otherwise) {
    return has(key) ? text(key) : otherwise;
  }

  /** A positive whole number that must be there. */
  public int size(String key) {
    JsonNode node = node(key);
    boolean fine = node.isIntegralNumber() && node.canConvertToInt() && node.intValue() >= 1 && node.intValue() <= LARGEST;
    return expect(key, fine, "a positive whole number").intValue();
  }

  /** A positive whole number. */
  public int size(String key, int otherwise) {
    return has(key) ? size(key) : otherwise;
  }

  /** A whole number. */
  public int whole(String key, int otherwise) {
    JsonNode node = node(key);
    return has(key) ? expect(key, node.isIntegralNumber() && node.canConvertToInt(), "a whole number").intValue() : otherwise;
  }

  /** A positive number that must be there. */
  public double positive(String key) {
    JsonNode node = node(key);
    return expect(key, node.isNumber() && node.doubleValue() > 0 && Double.isFinite(node.doubleValue()), "a positive number").doubleValue();
  }

  /** A positive number. */
  public double positive(String key, double otherwise) {
    return has(key) ? positive(key) : otherwise;
  }

  /** A number that is not negative: a probability of dropout. */
  public double positiveOrZero(String key, double otherwise) {
    JsonNode node = node(key);
    return has(key) ? expect(key, node.isNumber() && node.doubleValue() >= 0 && Double.isFinite(node.doubleValue()), "a number of at least 0")
        .doubleValue() : otherwise;
  }

  /** True or false. */
  public boolean flag(String key, boolean otherwise) {
    return has(key) ? expect(key, node(key).isBoolean(), "true or false").booleanValue() : otherwise;
  }

  /** An activation function by its Hugging Face name. */
  public Activation activation(String key, String otherwise) {
    String name = text(key, otherwise);
    if (!ACTIVATIONS.containsKey(name)) {
      throw error("%s \"%s\" is not supported; supported are: %s".formatted(key, name,
          String.join(", ", ACTIVATIONS.keySet().stream().sorted().toList())));
    }
    return ACTIVATIONS.get(name);
  }

  /** An object inside the file. */
  public Optional<ModelConfig> object(String key) {
    return has(key) ? Optional.of(new ModelConfig(expect(key, node(key).isObject(), "an object"), source + ": " + key)) : Optional.empty();
  }

  /** Strings; empty if the field is missing. */
  public List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    for (JsonNode item : list(key)) {
      expect(key, item.isTextual(), "a list of strings");
      texts.add(item.textValue());
    }
    return List.copyOf(texts);
  }

  /** Positive numbers; empty if the field is missing. */
  public List<Double> positives(String key) {
    List<Double> numbers = new ArrayList<>();
    for (JsonNode item : list(key)) {
      expect(key, item.isNumber() && item.doubleValue() > 0 && Double.isFinite(item.doubleValue()), "a list of positive numbers");
      numbers.add(item.doubleValue());
    }
    return List.copyOf(numbers);
  }

  /** Numbers 0 and 1 as flags; empty if the field is missing. */
  public List<Boolean> flags(String key) {
    List<Boolean> flags = new ArrayList<>();
    for (JsonNode item : list(key)) {
      expect(key, item.isIntegralNumber() && (item.intValue() == 0 || item.intValue() == 1), "a list of 0 and 1");
      flags.add(item.intValue() == 1);
    }
    return List.copyOf(flags);
  }

  private JsonNode list(String key) {
    return has(key) ? expect(key, node(key).isArray(), "a list") : json.path("no such field");
  }

  /** Refuses a string other than the one that is computed here. */
  public void only(String key, String supported) {
    if (!text(key, supported).equals(supported)) {
      throw error("%s \"%s\" is not supported, only \"%s\"".formatted(key, text(key), supported));
    }
  }

  /** Refuses flags that are set, since what they ask for is not computed here. */
  public void unset(String... keys) {
    for (String key : keys) {
      if (flag(key, false)) {
        throw error("%s is not supported: it must be false or missing".formatted(key));
      }
    }
  }

  /** The size of heads that a width is cut into evenly. */
  public int headSize(String widthKey, String headsKey) {
    if (size(widthKey) % size(headsKey) != 0) {
      throw error("%s %d is not a multiple of %s %d".formatted(widthKey, size(widthKey), headsKey, size(headsKey)));
    }
    return size(widthKey) / size(headsKey);
  }

  /** The names of the classes, in order (id2label); empty if the file has none. */
  public List<String> labels() {
    List<String> labels = new ArrayList<>();
    object("id2label").ifPresent(map -> {
      for (int i = 0; map.has(String.valueOf(i)); i++) {
        labels.add(map.json.get(String.valueOf(i)).asText());
      }
    });
    return List.copyOf(labels);
  }

  /** The same with another number in a field. */
  public ModelConfig with(String key, int value) {
    ObjectNode copy = json.deepCopy();
    return new ModelConfig(copy.put(key, value), source);
  }

  /** The same with another number in a field. */
  public ModelConfig with(String key, double value) {
    ObjectNode copy = json.isObject() ? json.deepCopy() : JsonNodeFactory.instance.objectNode();
    return new ModelConfig(copy.put(key, value), source);
  }

  /** An error that names the file. */
  public FormatException error(String problem) {
    return new FormatException(source + ": " + problem);
  }

  private JsonNode node(String key) {
    return json.path(key);
  }

  private JsonNode expect(String key, boolean fine, String expected) {
    JsonNode node = node(key);
    if (!fine) {
      String got = node.isMissingNode() ? "nothing" : node.toString();
      throw error("%s must be %s, got %s".formatted(key, expected, got.length() > 80 ? got.substring(0, 80) + "…" : got));
    }
    return node;
  }
}
