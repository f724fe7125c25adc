package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.json.Inputs;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Finds and reads tokenizer files. */
public final class TokenizerFiles {

  private static final List<String> NAMES = List.of("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.txt",
      "vocab.json");

  private TokenizerFiles() {}

  /** See {@link Tokenizer#load}. */
  public static Tokenizer load(Path path) {
    if (Files.isDirectory(path)) {
      return load(inside(path));
    }
    String name = String.valueOf(path.getFileName());
    if (name.endsWith(".gguf")) {
      return GgufVocabulary.load(path);
    }
    if (name.equals("vocab.json")) {
      return VocabJson.load(path);
    }
    if (name.endsWith(".json")) {
      return TokenizerJson.load(path);
    }
    if (name.endsWith(".txt")) {
      return VocabTxt.load(path);
    }
    if (name.endsWith(".tiktoken")) {
      return TiktokenFile.load(path);
    }
    if (name.endsWith(".model")) {
      return TiktokenFile.is(Inputs.bytes(path)) ? TiktokenFile.load(path) : SentencePieceFile.load(path);
    }
    throw new FormatException(path + ": unknown kind of tokenizer, expected a tokenizer.json, a .gguf, a sentencepiece .model, a .tiktoken, a vocab.txt or a "
        + "vocab.json");
  }

  private static Path inside(Path directory) {
    for (String name : NAMES) {
      if (Files.exists(directory.resolve(name))) {
        return directory.resolve(name);
      }
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".tiktoken")).sorted().findFirst().orElseThrow(() -> new FormatException(directory
          + ": holds no tokenizer; looked for tokenizer.json, tokenizer.model, spiece.model, sentencepiece.bpe.model, *.tiktoken, vocab.txt, "
          + "vocab.json with merges.txt"));
    } catch (IOException e) {
      throw new ResourceException(directory + ": cannot be listed: " + e, e);
    }
  }
}
