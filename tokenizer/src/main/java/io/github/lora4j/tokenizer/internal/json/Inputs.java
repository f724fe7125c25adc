package io.github.lora4j.tokenizer.internal.json;

import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads files of a size that a tokenizer may have. */
public final class Inputs {

  private static final long MAX_BYTES = 128L << 20;

  private Inputs() {}

  /** The whole file as text. */
  public static String text(Path file) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes(file))).toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": not UTF-8", e);
    }
  }

  /** The whole file. */
  public static byte[] bytes(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new FormatException(file + (Files.exists(file) ? ": not a regular file" : ": no such file"));
    }
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw new FormatException(file + ": is " + size + " bytes long, expected at most " + MAX_BYTES);
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new ResourceException(file + ": cannot be read: " + e, e);
    }
  }
}
