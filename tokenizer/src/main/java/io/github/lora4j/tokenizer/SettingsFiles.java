package io.github.lora4j.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.internal.GgufSettings;
import io.github.lora4j.tokenizer.internal.json.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The JSON files of settings that a model has beside its weights, or what a GGUF file says in their place. */
public final class SettingsFiles {

  private static final String TOKENIZER = "tokenizer_config.json";
  private static final String GENERATION = "generation_config.json";

  private SettingsFiles() {}

  /**
   * A file's content; empty where there is none. Of a GGUF file {@value #TOKENIZER} holds its special tokens and chat templates, {@value #GENERATION}
   * the tokens that end an answer.
   *
   * @param model a directory or a GGUF file
   * @throws io.github.lora4j.vector.FormatException when it is no JSON object
   */
  public static Optional<JsonNode> find(Path model, String name) {
    if (isGguf(model)) {
      return switch (name) {
        case TOKENIZER -> Optional.of(GgufSettings.tokenizer(model));
        case GENERATION -> Optional.of(GgufSettings.generation(model));
        default -> Optional.empty();
      };
    }
    Path file = model.resolve(name);
    return Files.isRegularFile(file) ? Optional.of(Json.read(file).node()) : Optional.empty();
  }

  /** Whether a path is one of a GGUF file. */
  public static boolean isGguf(Path model) {
    return model.toString().endsWith(".gguf") && !Files.isDirectory(model);
  }
}
