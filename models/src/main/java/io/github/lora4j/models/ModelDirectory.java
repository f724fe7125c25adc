package io.github.lora4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model as Hugging Face lays it out: {@code config.json}, weights, tokenizer files.
 *
 * @param path the directory
 * @param config its config.json
 */
public record ModelDirectory(Path path, ModelConfig config) {

  /** Reads config.json; weights are opened by {@link #checkpoint}. */
  public static ModelDirectory open(Path path) {
    if (!Files.isDirectory(path)) {
      throw new FormatException("%s is not a directory; give the directory that holds config.json and the weights".formatted(path));
    }
    Path file = path.resolve("config.json");
    JsonNode json = ModelFiles.json(file);
    if (!json.isObject()) {
      throw new FormatException("%s should hold a JSON object".formatted(file));
    }
    return new ModelDirectory(path, new ModelConfig(json, file.toString()));
  }

  /** "bert", "roberta", "llama". */
  public String modelType() {
    return config.modelType();
  }

  /** The model that config.json describes. */
  public Architecture architecture() {
    return config.architecture();
  }

  /** Opens the weights; the caller closes them. */
  public Checkpoint checkpoint() {
    return Checkpoint.open(path);
  }
}
