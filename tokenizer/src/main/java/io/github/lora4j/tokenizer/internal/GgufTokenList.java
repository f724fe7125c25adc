package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A vocabulary as GGUF has it, in the order of ids.
 *
 * @param model kind of tokenizer: "llama", "gpt2", "bert", "t5"
 * @param pre how texts are cut before BPE
 * @param tokens by id
 * @param scores of sentencepiece; empty for others
 * @param types of tokens, see below
 * @param merges of BPE of bytes, "a b"
 * @param unknown the unknown token's id
 * @param addsSpace whether sentencepiece puts a space before a text; empty where the reader's own choice is right
 */
record GgufTokenList(String model, Optional<String> pre, List<String> tokens, List<Float> scores, List<Integer> types, List<String> merges,
    Optional<Integer> unknown, Optional<Boolean> addsSpace) {

  static final int NORMAL = 1;
  static final int UNKNOWN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  static final int UNUSED = 5;
  static final int BYTE = 6;

  /** What converters give tokens that sentencepiece does not have. */
  private static final float ADDED = -1000;
  private static final float FILLED = -10_000;

  /** An empty one of lists that grow. */
  static GgufTokenList of(String model) {
    return new GgufTokenList(model, Optional.empty(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), Optional.empty(),
        Optional.empty());
  }

  /** The same that cuts texts by a name. */
  GgufTokenList cutBy(String name) {
    return new GgufTokenList(model, Optional.of(name), tokens, scores, types, merges, unknown, addsSpace);
  }

  /** The same, which says that no space is put before a text; where nothing is said, readers put one. */
  GgufTokenList withoutSpace() {
    return new GgufTokenList(model, pre, tokens, scores, types, merges, unknown, Optional.of(false));
  }

  /** Puts a token at an id, where it may replace another; ids between are filled up. */
  void put(int id, String token, int type) {
    while (tokens.size() <= id) {
      tokens.add("[PAD%d]".formatted(tokens.size()));
      types.add(UNUSED);
      if (!scores.isEmpty()) {
        scores.add(FILLED);
      }
    }
    boolean added = types.get(id) == UNUSED;
    tokens.set(id, token);
    types.set(id, type);
    if (!scores.isEmpty() && added) {
      scores.set(id, ADDED);
    }
  }

  /** Fills up to the rows of the embedding. */
  void fill(Path from, int rows) {
    if (tokens.size() > rows) {
      throw new ConfigException("%s: the tokenizer has %d tokens, but the embedding %d rows: they belong to different models".formatted(from, tokens.size(),
          rows));
    }
    if (tokens.size() < rows) {
      put(rows - 1, "[PAD%d]".formatted(rows - 1), UNUSED);
      if (!scores.isEmpty()) {
        scores.set(rows - 1, FILLED);
      }
    }
  }

  /** The id of a token; −1 where there is none. */
  int id(String token) {
    return tokens.indexOf(token);
  }
}
