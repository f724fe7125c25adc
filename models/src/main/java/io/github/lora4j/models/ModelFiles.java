package io.github.lora4j.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reading the JSON files of a model directory, with errors that name the file. */
final class ModelFiles {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MAX_BYTES = 64L << 20;

  private ModelFiles() {}

  static JsonNode json(Path file) {
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw new FormatException("%s has %,d bytes; a file of settings has at most %,d".formatted(file, size, MAX_BYTES));
      }
      return JSON.readTree(Files.readAllBytes(file));
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      throw new FormatException("%s is not valid JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (java.nio.file.NoSuchFileException e) {
      throw new FormatException(("%s does not exist; a model directory has config.json, weights (model.safetensors, its index, or one .onnx) and "
          + "tokenizer.json or vocab.txt")
          .formatted(file), e);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
