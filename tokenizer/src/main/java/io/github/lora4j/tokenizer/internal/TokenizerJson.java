package io.github.lora4j.tokenizer.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.Decoder;
import io.github.lora4j.tokenizer.internal.decode.PerToken;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads a Hugging Face {@code tokenizer.json} that holds a WordPiece model of the BERT family or a byte-level BPE ({@link BpeJson}). */
final class TokenizerJson {

  private static final int MAX_ID = 1 << 24;
  private static final String WORD_PIECE = "WordPiece";
  private static final String BPE = "BPE";

  private TokenizerJson() {}

  static Tokenizer load(Path file) {
    TokenizerClass.requireJson(file);
    Json root = Json.read(file);
    Json model = root.get("model");
    String type;
    if (model.find("type").isPresent()) {
      type = model.type(WORD_PIECE, BPE);
    } else if (model.find("merges").isPresent()) {
      // Files of old leave the type out.
      type = BPE;
    } else if (model.find("continuing_subword_prefix").isPresent()) {
      type = WORD_PIECE;
    } else {
      throw model.broken("has no type; supported: WordPiece, BPE");
    }
    return type.equals(BPE) ? BpeJson.load(root, model) : wordPiece(root, model);
  }

  private static Tokenizer wordPiece(Json root, Json model) {
    Vocabulary vocabulary = vocabulary(model.get("vocab"));
    Map<String, Integer> pieces = vocabulary.ids();
    String unknown = model.get("unk_token").text();
    if (!pieces.containsKey(unknown)) {
      throw model.broken("has unk_token " + unknown + ", which is not in its vocab");
    }
    List<AddedTokens.Token> added = addedTokens(root, vocabulary);
    String prefix = model.get("continuing_subword_prefix").text();
    root.get("pre_tokenizer").type("BertPreTokenizer");
    return new PipelineTokenizer(
        vocabulary, added, normalizer(root.find("normalizer")),
        new BertWords(new WordPiece(pieces, pieces.get(unknown), prefix, model.get("max_input_chars_per_word").number())),
        TemplateJson.ofBert(root.find("post_processor"), vocabulary.size()), decoder(root.find("decoder"), prefix));
  }

  static Vocabulary vocabulary(Json vocab) {
    if (!(vocab.node() instanceof ObjectNode node)) {
      throw vocab.broken("should be an object from token to id");
    }
    Vocabulary vocabulary = new Vocabulary();
    node.fieldNames().forEachRemaining(token -> add(vocabulary, vocab, token, vocab.get(token).number()));
    return vocabulary;
  }

  static void add(Vocabulary vocabulary, Json place, String token, int id) {
    if (id >= MAX_ID || !vocabulary.add(token, id)) {
      throw place.broken("gives token " + token + " the id " + id + ", which is too large or clashes with another token or id");
    }
  }

  static List<AddedTokens.Token> addedTokens(Json root, Vocabulary vocabulary) {
    return root.find("added_tokens").map(Json::elements).orElse(List.of()).stream()
        .map(json -> addedToken(json, json.get("id").number(), vocabulary)).toList();
  }

  /** An added token with its flags, which also gets its place in the vocabulary. */
  static AddedTokens.Token addedToken(Json json, int id, Vocabulary vocabulary) {
    boolean special = json.flag("special", false);
    AddedTokens.Token token = new AddedTokens.Token(
        id, json.get("content").text(), json.flag("single_word", false), json.flag("lstrip", false), json.flag("rstrip", false),
        json.flag("normalized", !special), special);
    add(vocabulary, json, token.content(), token.id());
    return token;
  }

  private static BertNormalizer normalizer(Optional<Json> normalizer) {
    if (normalizer.isEmpty()) {
      return BertNormalizer.none();
    }
    Json json = normalizer.get();
    json.type("BertNormalizer");
    boolean lowercase = json.flag("lowercase", true);
    return new BertNormalizer(
        json.flag("clean_text", true), json.flag("handle_chinese_chars", true), json.flag("strip_accents", lowercase), lowercase);
  }

  private static Decoder decoder(Optional<Json> decoder, String prefix) {
    if (decoder.isEmpty()) {
      return PerToken.wordPiece(prefix, true);
    }
    Json json = decoder.get();
    json.type("WordPiece");
    return PerToken.wordPiece(json.find("prefix").map(Json::text).orElse("##"), json.flag("cleanup", true));
  }
}
