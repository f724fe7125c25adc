package io.github.lora4j.train.tasks;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.tokenizer.SettingsFiles;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** What the files of sentence-transformers in a model's directory say. */
final class SentenceFiles {

  /** How token states become a sentence vector. */
  static final String POOLING = "1_Pooling/config.json";

  private static final String TRANSFORMER = "sentence_bert_config.json";
  private static final String LONGEST = "max_seq_length";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODE = "pooling_mode_";
  private static final Map<String, String> MODES = Map.of(MODE + "mean_tokens", "mean", MODE + "cls_token", "cls", MODE + "lasttoken", "last");

  private SentenceFiles() {}

  /**
   * The model's pooling; empty where no file says.
   *
   * @throws ConfigException when it is none that can be trained
   */
  static Optional<String> pooling(Path model) {
    if (SettingsFiles.isGguf(model)) {
      return gguf(model);
    }
    return json(model.resolve(POOLING)).map(json -> {
      List<String> modes = json.properties().stream().filter(e -> e.getKey().startsWith(MODE) && e.getValue().asBoolean()).map(Map.Entry::getKey)
          .toList();
      if (modes.size() != 1 || !MODES.containsKey(modes.getFirst())) {
        throw new ConfigException("%s asks for %s; mean, cls and last can be trained".formatted(model.resolve(POOLING), modes));
      }
      return MODES.get(modes.getFirst());
    });
  }

  private static Optional<String> gguf(Path model) {
    try (GgufFile file = GgufFile.open(model)) {
      String key = file.metadata().optionalText("general.architecture").orElse("") + ".pooling_type";
      if (!file.metadata().has(key)) {
        return Optional.empty();
      }
      return switch (file.metadata().count(key)) {
        case 0 -> Optional.empty();
        case 1 -> Optional.of("mean");
        case 2 -> Optional.of("cls");
        case 3 -> Optional.of("last");
        default -> throw new ConfigException("%s: %s is %d; 1 (mean), 2 (cls) and 3 (last) can be trained".formatted(model, key, file.metadata().count(key)));
      };
    }
  }

  /** The longest sequence the model was trained for; empty where no file says. */
  static OptionalInt longest(Path model) {
    Optional<JsonNode> json = json(model.resolve(TRANSFORMER));
    if (json.isEmpty() || json.get().path(LONGEST).isNull() || json.get().path(LONGEST).isMissingNode()) {
      return OptionalInt.empty();
    }
    JsonNode value = json.get().path(LONGEST);
    if (!value.isInt() || value.intValue() < 1) {
      throw new FormatException("%s: %s must be a positive whole number, got %s".formatted(model.resolve(TRANSFORMER), LONGEST, value));
    }
    return OptionalInt.of(value.intValue());
  }

  private static Optional<JsonNode> json(Path file) {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      if (!json.isObject()) {
        throw new FormatException("%s: expected a JSON object, got %s".formatted(file, json.getNodeType()));
      }
      return Optional.of(json);
    } catch (JacksonException e) {
      throw new FormatException("%s is not valid JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
