package io.github.lora4j.models.tokenizer.internal;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.models.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads a Hugging Face {@code tokenizer.json} that holds a WordPiece model of the BERT family. */
final class TokenizerJson {

  private static final int MAX_ID = 1 << 24;

  private TokenizerJson() {}

  static Tokenizer load(Path file) {
    Json root = Json.read(file);
    Json model = root.get("model");
    if (model.find("type").isPresent()) {
      model.type("WordPiece");
    } else if (model.find("continuing_subword_prefix").isEmpty()) {
      throw model.broken("has no type; supported: WordPiece");
    }
    Vocabulary vocabulary = vocabulary(model.get("vocab"));
    Map<String, Integer> pieces = vocabulary.ids();
    String unknown = model.get("unk_token").text();
    if (!pieces.containsKey(unknown)) {
      throw model.broken("has unk_token " + unknown + ", which is not in its vocab");
    }
    List<AddedTokens.Token> added = addedTokens(root, vocabulary);
    String prefix = model.get("continuing_subword_prefix").text();
    root.get("pre_tokenizer").type("BertPreTokenizer");
    return new WordPieceTokenizer(
        vocabulary, added, normalizer(root.find("normalizer")),
        new WordPiece(pieces, pieces.get(unknown), prefix, model.get("max_input_chars_per_word").number()),
        template(root.find("post_processor"), vocabulary.size()), decoder(root.find("decoder"), prefix));
  }

  private static Vocabulary vocabulary(Json vocab) {
    if (!(vocab.node() instanceof ObjectNode node)) {
      throw vocab.broken("should be an object from token to id");
    }
    Vocabulary vocabulary = new Vocabulary();
    node.fieldNames().forEachRemaining(token -> add(vocabulary, vocab, token, vocab.get(token).number()));
    return vocabulary;
  }

  private static void add(Vocabulary vocabulary, Json place, String token, int id) {
    if (id >= MAX_ID || !vocabulary.add(token, id)) {
      throw place.broken("gives token " + token + " the id " + id + ", which is too large or clashes with another token or id");
    }
  }

  private static List<AddedTokens.Token> addedTokens(Json root, Vocabulary vocabulary) {
    List<AddedTokens.Token> tokens = new ArrayList<>();
    for (Json json : root.find("added_tokens").map(Json::elements).orElse(List.of())) {
      boolean special = json.flag("special", false);
      AddedTokens.Token token = new AddedTokens.Token(
          json.get("id").number(), json.get("content").text(), json.flag("single_word", false), json.flag("lstrip", false),
          json.flag("rstrip", false), json.flag("normalized", !special), special);
      add(vocabulary, json, token.content(), token.id());
      tokens.add(token);
    }
    return tokens;
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

  private static WordPieceDecoder decoder(Optional<Json> decoder, String prefix) {
    if (decoder.isEmpty()) {
      return new WordPieceDecoder(prefix, true);
    }
    Json json = decoder.get();
    json.type("WordPiece");
    return new WordPieceDecoder(json.find("prefix").map(Json::text).orElse("##"), json.flag("cleanup", true));
  }

  private static Template template(Optional<Json> processor, int vocabSize) {
    if (processor.isEmpty()) {
      return Template.bare();
    }
    Json json = processor.get();
    if (json.type("TemplateProcessing", "BertProcessing").equals("BertProcessing")) {
      return Template.bert(tokenId(json.get("cls"), vocabSize), tokenId(json.get("sep"), vocabSize));
    }
    Json special = json.get("special_tokens");
    return new Template(parts(json.get("single"), special, 1, vocabSize), parts(json.get("pair"), special, 2, vocabSize));
  }

  /** The id of BertProcessing's {@code ["[CLS]", 101]}. */
  private static int tokenId(Json pair, int vocabSize) {
    List<Json> elements = pair.elements();
    if (elements.size() != 2) {
      throw pair.broken("should be a token and its id");
    }
    return inVocabulary(elements.get(1), vocabSize);
  }

  private static int inVocabulary(Json id, int vocabSize) {
    if (id.number() >= vocabSize) {
      throw id.broken("is " + id.number() + ", the vocabulary ends at " + (vocabSize - 1));
    }
    return id.number();
  }

  private static List<Template.Part> parts(Json pieces, Json specialTokens, int texts, int vocabSize) {
    List<Template.Part> parts = new ArrayList<>();
    int[] seen = new int[2];
    for (Json piece : pieces.elements()) {
      Optional<Json> special = piece.find("SpecialToken");
      Json body = special.isPresent() ? special.get() : piece.get("Sequence");
      String id = body.get("id").text();
      int typeId = body.get("type_id").number();
      if (special.isPresent()) {
        int[] ids = specialTokens.get(id).get("ids").elements().stream().mapToInt(i -> inVocabulary(i, vocabSize)).toArray();
        parts.add(new Template.Part(Template.SPECIAL, ids, typeId));
      } else {
        int text = List.of("A", "B").indexOf(id);
        if (text < 0 || text >= texts || seen[text]++ > 0) {
          throw body.broken("names the sequence " + id + ", expected " + (texts == 1 ? "A" : "A and B") + " once");
        }
        parts.add(new Template.Part(text, new int[0], typeId));
      }
    }
    if (seen[0] + seen[1] != texts) {
      throw pieces.broken("should have " + (texts == 1 ? "sequence A" : "sequences A and B"));
    }
    return parts;
  }
}
