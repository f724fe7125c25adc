package io.github.lora4j.tokenizer.internal.model;

import io.github.lora4j.tokenizer.internal.json.Json;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The {@code model} of a {@code tokenizer.json}.
 *
 * @param vocabulary its tokens
 * @param model what cuts words into them
 * @param drops whether characters without a token are lost
 */
public record ModelJson(Vocabulary vocabulary, Model model, boolean drops) {

  private static final String WORD_PIECE = "WordPiece";
  private static final String BPE = "BPE";
  private static final String UNIGRAM = "Unigram";
  private static final String WORD_LEVEL = "WordLevel";

  /** Reads the model. */
  public static ModelJson read(Json json) {
    return switch (type(json)) {
      case WORD_PIECE -> wordPiece(json);
      case BPE -> BpeJson.read(json);
      case UNIGRAM -> unigram(json);
      default -> wordLevel(json);
    };
  }

  /** Files of old leave the type out. */
  private static String type(Json json) {
    if (json.find("type").isPresent()) {
      return json.type(WORD_PIECE, BPE, UNIGRAM, WORD_LEVEL);
    }
    if (json.find("merges").isPresent()) {
      return BPE;
    }
    if (json.find("continuing_subword_prefix").isPresent()) {
      return WORD_PIECE;
    }
    if (json.find("unk_id").isPresent()) {
      return UNIGRAM;
    }
    throw json.broken("has no type; supported: WordPiece, BPE, Unigram, WordLevel");
  }

  private static ModelJson wordPiece(Json json) {
    Vocabulary vocabulary = Vocabulary.read(json.get("vocab"));
    Map<String, Integer> pieces = vocabulary.ids();
    String prefix = json.get("continuing_subword_prefix").text();
    int unknown = known(json, pieces, json.get("unk_token").text());
    return new ModelJson(vocabulary, wordPiece(pieces, unknown, prefix, json.get("max_input_chars_per_word").number()), false);
  }

  /** WordPiece from its parts. */
  public static Model wordPiece(Map<String, Integer> pieces, int unknown, String prefix, int maxChars) {
    return new WordPiece(pieces, unknown, prefix, maxChars);
  }

  private static int known(Json json, Map<String, Integer> vocabulary, String unknown) {
    Integer id = vocabulary.get(unknown);
    if (id == null) {
      throw json.broken("has unk_token " + unknown + ", which is not in its vocab");
    }
    return id;
  }

  private static ModelJson wordLevel(Json json) {
    Vocabulary vocabulary = Vocabulary.read(json.get("vocab"));
    Integer unknown = vocabulary.ids().get(json.get("unk_token").text());
    return new ModelJson(vocabulary, new WordLevel(vocabulary.ids(), unknown == null ? OptionalInt.empty() : OptionalInt.of(unknown)), false);
  }

  private static ModelJson unigram(Json json) {
    List<Json> pieces = json.get("vocab").elements();
    Vocabulary vocabulary = new Vocabulary();
    double[] scores = new double[pieces.size()];
    double least = Double.POSITIVE_INFINITY;
    Map<String, Integer> ids = new HashMap<>();
    for (int i = 0; i < scores.length; i++) {
      List<Json> piece = pieces.get(i).elements();
      if (piece.size() != 2) {
        throw pieces.get(i).broken("should be a token and its score");
      }
      vocabulary.add(pieces.get(i), piece.get(0).text(), i);
      ids.put(piece.get(0).text(), i);
      scores[i] = piece.get(1).real();
      least = Math.min(least, scores[i]);
    }
    OptionalInt unknown = json.find("unk_id").map(id -> OptionalInt.of(id.number())).orElse(OptionalInt.empty());
    if (unknown.isPresent() && unknown.getAsInt() >= scores.length) {
      throw json.broken("has unk_id " + unknown.getAsInt() + ", its vocab ends at " + (scores.length - 1));
    }
    OptionalInt[] bytes = json.flag("byte_fallback", false) ? vocabulary.byteTokens() : new OptionalInt[0];
    return new ModelJson(vocabulary, new Unigram(ids, scores, least, new Unigram.Settings(unknown, bytes, false)), false);
  }
}
