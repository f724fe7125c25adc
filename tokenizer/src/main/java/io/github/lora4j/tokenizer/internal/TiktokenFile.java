package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.ByteLevelDecoder;
import io.github.lora4j.tokenizer.internal.json.Inputs;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.BpeJson;
import io.github.lora4j.tokenizer.internal.model.Model;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.Normalizer;
import io.github.lora4j.tokenizer.internal.text.Bytes;
import io.github.lora4j.tokenizer.internal.words.WordsJson;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * Reads a vocabulary as tiktoken has it: a line for each token, its bytes in base64 and its rank. The file says neither how texts are cut nor what
 * the
 * special tokens are; that is known by its name, and for a {@code tokenizer.model} of 128,000 tokens it is Llama 3's.
 */
final class TiktokenFile {

  private static final int MAX_TOKENS = 1 << 21;

  private TiktokenFile() {}

  /** Whether a file begins as one of these does. */
  static boolean is(byte[] bytes) {
    for (int i = 0; i < Math.min(bytes.length, 2000); i++) {
      if (bytes[i] == ' ') {
        return i > 0 && i + 1 < bytes.length && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
      }
      if (bytes[i] < '+' || bytes[i] > 'z') {
        return false;
      }
    }
    return false;
  }

  static Tokenizer load(Path file) {
    Vocabulary vocabulary = new Vocabulary();
    List<String> lines = Inputs.text(file).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).isEmpty()) {
        token(file, i + 1, lines.get(i), vocabulary);
      }
    }
    int size = vocabulary.size();
    Model model;
    try {
      model = BpeJson.ranked(vocabulary);
    } catch (FormatException e) {
      throw new FormatException(file + ": " + e.getMessage(), e);
    }
    Encodings encoding = Encodings.of(file.getFileName().toString(), size).orElseThrow(() -> new FormatException(file
        + ": is a tiktoken vocabulary of " + size + " tokens; how texts are cut is known for " + Encodings.names()));
    Json config = TokenizerClass.config(file);
    Map<Integer, AddedTokens.Token> added = AddedTokensFiles.decoder(config, vocabulary);
    encoding.special(size).forEach((id, token) -> {
      if (!added.containsKey(id)) {
        if (!vocabulary.add(token, id)) {
          throw new FormatException(file + ": special token " + token + " and its id " + id + " clash with tokens of the file");
        }
        added.put(id, new AddedTokens.Token(id, token, false, false, false, false, true));
      }
    });
    List<Integer> first = encoding.first().map(token -> List.of(vocabulary.id(token).orElseThrow())).orElse(List.of());
    return new PipelineTokenizer(vocabulary, List.copyOf(added.values()), new PipelineTokenizer.Parts(Normalizer.none(),
        WordsJson.bytes(encoding.pattern()), model, Template.ends(first, List.of()), new ByteLevelDecoder()));
  }

  private static void token(Path file, int number, String line, Vocabulary vocabulary) {
    String[] parts = line.split(" ", -1);
    if (parts.length != 2 || !parts[1].matches("[0-9]{1,7}")) {
      throw new FormatException(file + ": line " + number + " should be a token in base64 and its rank, is '" + line + "'");
    }
    StringBuilder token = new StringBuilder();
    try {
      for (byte b : Base64.getDecoder().decode(parts[0])) {
        token.append(Bytes.character(b & 0xFF));
      }
    } catch (IllegalArgumentException e) {
      throw new FormatException(file + ": line " + number + " is not base64: " + e.getMessage(), e);
    }
    int rank = Integer.parseInt(parts[1]);
    if (rank >= MAX_TOKENS || token.isEmpty() || !vocabulary.add(token.toString(), rank)) {
      throw new FormatException(file + ": line " + number + " has a token or rank that was there before, or is too large: '" + line + "'");
    }
  }
}
