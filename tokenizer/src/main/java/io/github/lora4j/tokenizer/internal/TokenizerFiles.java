package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.FormatException;
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
}
