package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.text.Pieces;
import io.github.lora4j.tokenizer.internal.text.Text;
import io.github.lora4j.vector.ConfigException;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Every word a token.
 *
 * @param vocabulary the words
 * @param unknown the token of others
 */
record WordLevel(Map<String, Integer> vocabulary, OptionalInt unknown) implements Model {

  @Override
  public void encode(Text text, int from, int to, Pieces out) {
    String word = text.string(from, to);
    Integer id = vocabulary.get(word);
    out.add(id != null ? id : unknown.orElseThrow(() -> new ConfigException(
        "the word '" + word + "' is not in the vocabulary, and the tokenizer has no unknown token")), text.start(from), text.end(to - 1));
  }
}
