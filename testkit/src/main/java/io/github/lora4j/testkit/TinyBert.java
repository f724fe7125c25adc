package io.github.lora4j.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** A BERT of two small layers with random weights and three labels, as Hugging Face saves one; it has no tokenizer. */
public final class TinyBert {

  private TinyBert() {}

  /** Writes {@code config.json} and {@code model.safetensors} into a directory, which is made; returns the directory. */
  public static Path copyTo(Path directory) {
    try {
      Files.createDirectories(directory);
      for (String file : List.of("config.json", "model.safetensors")) {
        try (InputStream in = Objects.requireNonNull(TinyBert.class.getResourceAsStream("/tiny-bert/" + file), file)) {
          Files.copy(in, directory.resolve(file));
        }
      }
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
