package io.github.lora4j.tokenizer.internal.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.tokenizer.internal.json.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.IntFunction;

/** Reads BPE. */
public final class BpeJson {

  /**
   * Two tokens that were merged in training.
   *
   * @param places where pairs stand, by number, for errors
   * @param at the number of this one
   */
  public record Pair(String left, String right, IntFunction<String> places, int at) {}

  private BpeJson() {}

  static ModelJson read(Json json) {
    json.find("dropout").map(Json::node).filter(dropout -> dropout.asDouble(1) != 0).ifPresent(dropout -> {
      throw json.broken("has dropout " + dropout + ", which is not supported: pieces would be drawn by lot");
    });
    Vocabulary vocabulary = Vocabulary.read(json.get("vocab"));
    Map<String, Integer> ids = vocabulary.ids();
    String prefix = json.find("continuing_subword_prefix").map(Json::text).orElse("");
    OptionalInt unknown = json.find("unk_token").map(token -> unknown(json, vocabulary, token.text())).orElse(OptionalInt.empty());
    String suffix = json.find("end_of_word_suffix").map(Json::text).orElse("");
    Bpe.Settings settings = new Bpe.Settings(prefix, suffix, unknown, json.flag("fuse_unk", false),
        json.flag("byte_fallback", false) ? vocabulary.byteTokens() : new OptionalInt[0], json.flag("ignore_merges", false));
    boolean drops = unknown.isEmpty() && settings.bytes().length == 0 && prefix.isEmpty() && settings.suffix().isEmpty();
    return new ModelJson(vocabulary, new Bpe(ids, merges(ids, pairs(json.get("merges")), prefix, json.get("vocab")), settings), drops);
  }

  /** Byte-level BPE from its parts. */
  public static Model bytes(Vocabulary vocabulary, List<Pair> pairs, Json vocab) {
    return bytes(vocabulary, pairs, vocab, false);
  }

  /**
   * The same.
   *
   * @param wholeWords whether a word that is a token is one, whatever the merges
   */
  public static Model bytes(Vocabulary vocabulary, List<Pair> pairs, Json vocab, boolean wholeWords) {
    Map<String, Integer> ids = vocabulary.ids();
    return new Bpe(ids, merges(ids, pairs, "", vocab), new Bpe.Settings("", "", OptionalInt.empty(), false, new OptionalInt[0], wholeWords));
  }

  /** Byte-level BPE whose tokens' ids are their ranks; a word that is a token is one. */
  public static Model ranked(Vocabulary vocabulary) {
    Map<String, Integer> ids = vocabulary.ids();
    int[] ranks = new int[vocabulary.size()];
    Arrays.setAll(ranks, i -> i);
    return new Bpe(ids, Merges.of(ids, ids, ranks), new Bpe.Settings("", "", OptionalInt.empty(), false, new OptionalInt[0], true));
  }

  private static OptionalInt unknown(Json json, Vocabulary vocabulary, String token) {
    OptionalInt id = vocabulary.id(token);
    if (id.isEmpty() && !token.isEmpty()) {
      throw json.broken("has unk_token " + token + ", which is not in its vocab");
    }
    return id;
  }

  private static Merges merges(Map<String, Integer> ids, List<Pair> pairs, String prefix, Json vocab) {
    Merges merges = new Merges(pairs.size());
    for (int rank = 0; rank < pairs.size(); rank++) {
      Pair pair = pairs.get(rank);
      int left = known(ids, pair.left, pair, vocab);
      int right = known(ids, pair.right, pair, vocab);
      String end = pair.right.startsWith(prefix) ? pair.right.substring(prefix.length()) : pair.right;
      merges.put(left, right, rank, known(ids, pair.left + end, pair, vocab));
    }
    return merges;
  }

  private static int known(Map<String, Integer> ids, String token, Pair pair, Json vocab) {
    Integer id = ids.get(token);
    if (id == null) {
      throw vocab.broken("has no token '%s', which the merge '%s %s' (%s) needs".formatted(token, pair.left, pair.right, pair.places.apply(pair.at)));
    }
    return id;
  }

  /** Pairs as {@code "a b"}, or as {@code ["a", "b"]} in newer files. */
  private static List<Pair> pairs(Json merges) {
    List<Pair> pairs = new ArrayList<>();
    IntFunction<String> places = at -> merges.element(at).where();
    for (int i = 0; i < merges.size(); i++) {
      JsonNode node = merges.node().get(i);
      String text = node.isTextual() ? node.textValue() : "";
      int space = text.indexOf(' ');
      if (space >= 0 && text.indexOf(' ', space + 1) < 0 && !text.startsWith("#version")) {
        pairs.add(new Pair(text.substring(0, space), text.substring(space + 1), places, i));
      } else if (!text.startsWith("#version")) {
        List<String> pair = node.isArray() ? merges.element(i).elements().stream().map(Json::text).toList() : List.of(merges.element(i).text());
        if (pair.size() != 2) {
          throw merges.element(i).broken("should be two tokens, is " + node);
        }
        pairs.add(new Pair(pair.get(0), pair.get(1), places, i));
      }
    }
    return pairs;
  }
}
