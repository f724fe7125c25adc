package io.github.lora4j.models;

import io.github.lora4j.vector.ConfigException;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;

/**
 * A family of models, found by {@link ServiceLoader}: one file that reads a {@code config.json} and records the forward pass. See
 * {@code docs/add-a-model-family.md}.
 */
public interface ModelFamily {

  /** The {@code model_type}s of config.json that this family reads. */
  Set<String> modelTypes();

  /**
   * The model that a config.json describes.
   *
   * @throws io.github.lora4j.vector.FormatException for a field that is missing, of another type, or says something that is not computed here
   */
  Architecture of(ModelConfig config);

  /** How GGUF files say the family; empty where llama.cpp does not know it. */
  default Optional<GgufKeys> gguf() {
    return Optional.empty();
  }

  /**
   * The family of a {@code model_type}.
   *
   * @throws ConfigException when there is none, or two families claim one type
   */
  static ModelFamily of(String modelType) {
    Map<String, ModelFamily> all = all();
    if (!all.containsKey(modelType)) {
      throw new ConfigException("model_type \"%s\" is not supported; supported are: %s".formatted(modelType, String.join(", ", all.keySet())));
    }
    return all.get(modelType);
  }

  /** All families by {@code model_type}. */
  static Map<String, ModelFamily> all() {
    return byType(ServiceLoader.load(ModelFamily.class));
  }

  /** Families by what they read. */
  static Map<String, ModelFamily> byType(Iterable<ModelFamily> families) {
    Map<String, ModelFamily> byType = new TreeMap<>();
    for (ModelFamily family : families) {
      for (String type : family.modelTypes()) {
        ModelFamily other = byType.put(type, family);
        if (other != null) {
          throw new ConfigException("model_type \"%s\" is read by two families: %s and %s; leave one of them out of the class path"
              .formatted(type, other.getClass().getName(), family.getClass().getName()));
        }
      }
    }
    return byType;
  }
}
