package io.github.lora4j.cli.demo;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** all-MiniLM-L6-v2 as a model directory: the files of its Maven artifact and the config.json that Hugging Face has for it. */
final class DemoModel {

  /** The name adapters are given for their base. */
  static final String NAME = "sentence-transformers/all-MiniLM-L6-v2";

  private static final Map<String, String> FILES = Map.of("all-minilm-l6-v2.onnx", "model.onnx", "all-minilm-l6-v2-tokenizer.json",
      "tokenizer.json");

  private static final String CONFIG = """
      {
        "_name_or_path": "%s",
        "architectures": ["BertModel"],
        "hidden_act": "gelu",
        "hidden_size": 384,
        "initializer_range": 0.02,
        "intermediate_size": 1536,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "model_type": "bert",
        "num_attention_heads": 12,
        "num_hidden_layers": 6,
        "pad_token_id": 0,
        "type_vocab_size": 2,
        "vocab_size": 30522
      }
      """.formatted(NAME);

  private DemoModel() {}

  /** The user's cache: XDG_CACHE_HOME, on Windows LOCALAPPDATA, or ~/.cache. */
  static Path cache() {
    String base = System.getenv("XDG_CACHE_HOME") != null ? System.getenv("XDG_CACHE_HOME") : System.getenv("LOCALAPPDATA");
    return (base == null || base.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(base)).resolve("lora4j");
  }

  /** Unpacks the artifact's files that are not there, or not with its bytes, whole or not at all. */
  static Path unpack(Path jar, Path directory) {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      Files.createDirectories(directory);
      for (Map.Entry<String, String> file : FILES.entrySet()) {
        ZipEntry entry = zip.getEntry(file.getKey());
        if (entry == null) {
          throw new FormatException("%s has no %s; is it %s?".formatted(jar, file.getKey(), DemoLibraries.MODEL));
        }
        Path target = directory.resolve(file.getValue());
        if (!Files.exists(target) || Files.size(target) != entry.getSize() || crc(target) != entry.getCrc()) {
          Path temporary = Files.createTempFile(directory, file.getValue(), ".tmp");
          try (InputStream in = zip.getInputStream(entry)) {
            Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
          } finally {
            Files.deleteIfExists(temporary);
          }
        }
      }
      Path temporary = Files.createTempFile(directory, "config", ".tmp");
      Files.writeString(temporary, CONFIG);
      Files.move(temporary, directory.resolve("config.json"), StandardCopyOption.ATOMIC_MOVE);
      return directory;
    } catch (IOException e) {
      throw new ResourceException("%s cannot be unpacked to %s: %s".formatted(jar, directory, e.getMessage()), e);
    }
  }

  private static long crc(Path file) throws IOException {
    CRC32 crc = new CRC32();
    try (InputStream in = new CheckedInputStream(Files.newInputStream(file), crc)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return crc.getValue();
  }
}
