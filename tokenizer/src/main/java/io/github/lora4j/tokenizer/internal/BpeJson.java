package io.github.lora4j.tokenizer.internal;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.ByteLevelDecoder;
import java.util.ArrayList;
import java.util.List;

/** Reads a {@code tokenizer.json} that holds a byte-level BPE with GPT-2's words, as RoBERTa and GPT-2 have. */
final class BpeJson {

  private BpeJson() {}

  static Tokenizer load(Json root, Json model) {
    refuseOthers(root, model);
    Vocabulary vocabulary = TokenizerJson.vocabulary(model.get("vocab"));
    Json words = root.get("pre_tokenizer");
    words.type("ByteLevel");
    if (!words.flag("use_regex", true)) {
      throw words.broken("has use_regex false, which is not supported");
    }
    root.find("decoder").ifPresent(decoder -> decoder.type("ByteLevel"));
    ByteLevelBpe bpe = ByteLevelBpe.of(vocabulary, merges(model.get("merges")), words.get("add_prefix_space").flag(), model.get("vocab"));
    List<AddedTokens.Token> added = TokenizerJson.addedTokens(root, vocabulary);
    Template template = TemplateJson.ofBytes(root.find("post_processor"), vocabulary, added);
    return new PipelineTokenizer(vocabulary, added, BertNormalizer.none(), bpe, template, new ByteLevelDecoder());
  }

  /** What would change the pieces and is not done here. */
  private static void refuseOthers(Json root, Json model) {
    for (String key : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      model.find(key).map(Json::text).filter(affix -> !affix.isEmpty()).ifPresent(affix -> {
        throw model.broken("has " + key + " '" + affix + "'; supported is byte-level BPE, which has none");
      });
    }
    for (String key : List.of("byte_fallback", "ignore_merges")) {
      if (model.flag(key, false)) {
        throw model.broken("has " + key + ", which is not supported");
      }
    }
    model.find("dropout").map(Json::node).filter(dropout -> dropout.asDouble(1) != 0).ifPresent(dropout -> {
      throw model.broken("has dropout " + dropout + ", which is not supported: pieces would be drawn by lot");
    });
    root.find("normalizer").ifPresent(normalizer -> {
      throw normalizer.broken("is not supported beside BPE");
    });
  }

  /** Pairs as {@code "a b"}, or as {@code ["a", "b"]} in newer files. */
  private static List<ByteLevelBpe.Pair> merges(Json merges) {
    List<ByteLevelBpe.Pair> pairs = new ArrayList<>();
    for (Json merge : merges.elements()) {
      JsonNode node = merge.node();
      List<String> pair = node.isArray() ? merge.elements().stream().map(Json::text).toList() : List.of(merge.text().split(" ", -1));
      if (pair.size() != 2) {
        throw merge.broken("should be two tokens, is " + node);
      }
      pairs.add(new ByteLevelBpe.Pair(pair.get(0), pair.get(1), merge.where()));
    }
    return pairs;
  }
}
