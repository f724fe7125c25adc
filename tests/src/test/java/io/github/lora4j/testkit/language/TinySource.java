package io.github.lora4j.testkit.language;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** A T5 and a BART of two small layers with random weights and tokenizers of their own, as transformers saves them. */
final class TinySource {

  static final List<String> MODELS = List.of("tiny-t5", "tiny-bart");

  private static final List<String> FILES = List.of("config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
      "tokenizer_config.json");

  private TinySource() {}

  /** Writes a model's files into a directory, which is made; returns the directory. */
  static Path copyTo(String model, Path directory) {
    try {
      Files.createDirectories(directory);
      for (String file : FILES) {
        try (InputStream in = Objects.requireNonNull(TinySource.class.getResourceAsStream("/" + model + "/" + file), file)) {
          Files.copy(in, directory.resolve(file));
        }
      }
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
