package io.github.lora4j.tokenizer.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Reads the added tokens that lie beside a vocabulary. */
final class AddedTokensFiles {

  private AddedTokensFiles() {}

  /** Those of added_tokens_decoder in tokenizer_config.json by id, with the flags that it gives. */
  static Map<Integer, AddedTokens.Token> decoder(Json config, Vocabulary vocabulary) {
    Map<Integer, AddedTokens.Token> added = new TreeMap<>();
    config.find("added_tokens_decoder").ifPresent(list -> object(list).fieldNames().forEachRemaining(
        id -> added.put(id(list, id), TokenizerJson.addedToken(list.get(id), id(list, id), vocabulary))));
    return added;
  }

  /**
   * Those of added_tokens.json by id. It holds no flags: as transformers does, a token is special if it is among additional_special_tokens, and
   * found in normalised text if it is not.
   */
  static Map<Integer, AddedTokens.Token> json(Path vocabularyFile, Json config, Vocabulary vocabulary) {
    Map<Integer, AddedTokens.Token> added = new TreeMap<>();
    TokenizerClass.beside(vocabularyFile, "added_tokens.json").ifPresent(list -> {
      Set<String> special = new HashSet<>();
      special(config, special);
      TokenizerClass.beside(vocabularyFile, "special_tokens_map.json").ifPresent(json -> special(json, special));
      object(list).fieldNames().forEachRemaining(content -> {
        boolean is = special.contains(content);
        int id = list.get(content).number();
        vocabulary.add(list, content, id);
        added.put(id, new AddedTokens.Token(id, content, false, false, false, !is, is));
      });
    });
    return added;
  }

  private static void special(Json config, Set<String> into) {
    config.find("additional_special_tokens").ifPresent(list -> list.elements().forEach(
        token -> into.add(token.node().isObject() ? token.get("content").text() : token.text())));
  }

  private static ObjectNode object(Json json) {
    if (json.node() instanceof ObjectNode node) {
      return node;
    }
    throw json.broken("should be an object");
  }

  private static int id(Json list, String key) {
    if (!key.matches("[0-9]{1,8}")) {
      throw list.broken("has the key '" + key + "', expected ids of tokens");
    }
    return Integer.parseInt(key);
  }
}
