package io.github.lora4j.testkit.language;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** A Llama of two small layers with random weights, a tokenizer of 308 tokens and a chat template of ChatML's form, as Hugging Face saves one. */
final class TinyLlama {

  private static final List<String> FILES = List.of("config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
      "tokenizer_config.json", "chat_template.jinja");

  private TinyLlama() {}

  /** Writes its files into a directory, which is made; returns the directory. */
  static Path copyTo(Path directory) {
    try {
      Files.createDirectories(directory);
      for (String file : FILES) {
        try (InputStream in = Objects.requireNonNull(TinyLlama.class.getResourceAsStream("/tiny-llama/" + file), file)) {
          Files.copy(in, directory.resolve(file));
        }
      }
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
