package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Finds and reads tokenizer files. */
public final class TokenizerFiles {

  private static final long MAX_BYTES = 128L << 20;

  private TokenizerFiles() {}

  /** See {@link Tokenizer#load}. */
  public static Tokenizer load(Path path) {
    if (Files.isDirectory(path)) {
      for (String name : new String[] {"tokenizer.json", "vocab.txt", "vocab.json"}) {
        if (Files.exists(path.resolve(name))) {
          return load(path.resolve(name));
        }
      }
      throw new FormatException(path + ": holds no tokenizer; looked for tokenizer.json, vocab.txt, vocab.json with merges.txt");
    }
    String name = String.valueOf(path.getFileName());
    if (name.equals("vocab.json")) {
      return VocabJson.load(path);
    }
    if (name.endsWith(".json")) {
      return TokenizerJson.load(path);
    }
    if (name.endsWith(".txt")) {
      return VocabTxt.load(path);
    }
    throw new FormatException(path + ": unknown kind of tokenizer, expected a tokenizer.json, a vocab.txt or a vocab.json");
  }

  /** The whole file as text. */
  static String read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new FormatException(file + (Files.exists(file) ? ": not a regular file" : ": no such file"));
    }
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw new FormatException(file + ": is " + size + " bytes long, expected at most " + MAX_BYTES);
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(Files.readAllBytes(file))).toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": not UTF-8", e);
    } catch (IOException e) {
      throw new ResourceException(file + ": cannot be read: " + e, e);
    }
  }
}
