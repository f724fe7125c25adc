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

  /** More layers than this are looked for before anything is done with them. */
  private static final int MANY_LAYERS = 128;

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

  /**
   * The model that config.json describes.
   *
   * @throws FormatException when that has many more layers than there are weights for, before they are recorded for nothing
   */
  public Architecture architecture() {
    Architecture architecture = config.architecture();
    FamilyFacts.FileNames files = architecture.facts().files();
    int layers = files.layers().isEmpty() ? 0 : config.size(files.layerCount());
    if (layers > MANY_LAYERS) {
      String last = files.layers() + (layers - 1) + ".";
      try (Checkpoint weights = checkpoint()) {
        if (weights.names().stream().noneMatch(name -> name.startsWith(last) || name.startsWith(architecture.facts().prefix() + last))) {
          throw config.error("%s is %d, but %s has no weights of %s".formatted(files.layerCount(), layers, weights.describe(), last));
        }
      }
    }
    return architecture;
  }

  /** Opens the weights; the caller closes them. */
  public Checkpoint checkpoint() {
    return Checkpoint.open(path);
  }
}
