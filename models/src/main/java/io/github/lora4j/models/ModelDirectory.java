package io.github.lora4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.graph.ModuleInfo;
import io.github.lora4j.models.internal.BitsAndBytes;
import io.github.lora4j.models.internal.GgufConfig;
import io.github.lora4j.models.internal.GgufWeights;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A model as Hugging Face lays it out: {@code config.json}, weights, tokenizer files. Or a GGUF file, which is all of that: then config.json is what
 * its keys mean, and its tensors have Hugging Face's names.
 *
 * @param path the directory or the file
 * @param config its config.json
 */
public record ModelDirectory(Path path, ModelConfig config) {

  /** More layers than this are looked for before anything is done with them. */
  private static final int MANY_LAYERS = 128;

  /** Reads config.json; weights are opened by {@link #checkpoint}. */
  public static ModelDirectory open(Path path) {
    if (isGguf(path)) {
      try (GgufFile file = GgufFile.open(path)) {
        return new ModelDirectory(path, GgufConfig.read(file));
      }
    }
    if (!Files.isDirectory(path)) {
      throw new FormatException("%s is not a directory; give the directory that holds config.json and the weights, or a .gguf file".formatted(path));
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
    return isGguf(path) ? gguf() : files();
  }

  /** Whether a path is one of a GGUF file. */
  public static boolean isGguf(Path path) {
    return path.toString().endsWith(".gguf") && !Files.isDirectory(path);
  }

  private Checkpoint files() {
    Checkpoint files = Checkpoint.open(path);
    try {
      return BitsAndBytes.over(files, config, () -> turned(config.architecture()));
    } catch (RuntimeException | Error e) {
      files.close();
      throw e;
    }
  }

  /** Modules whose weights Hugging Face stores transposed. */
  private static Set<String> turned(Architecture architecture) {
    return new Model(architecture, new Head.None()).modules().stream().filter(m -> m.kind() == ModuleInfo.Kind.CONV1D)
        .map(m -> architecture.facts().prefix() + m.name()).collect(Collectors.toSet());
  }

  private Checkpoint gguf() {
    Architecture architecture = config.architecture();
    GgufFile file = GgufFile.open(path);
    try {
      return GgufWeights.of(file, architecture, turned(architecture));
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }
}
