package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** A {@code tokenizer.json} as GGUF's list of tokens. */
final class GgufTokenizerJson {

  private static final String WORD = "\u2581";
  private static final String CONTINUED = "##";

  private final Json json;

  private GgufTokenizerJson(Json json) {
    this.json = json;
  }

  static GgufTokenList read(Path file) {
    Json json = Json.read(file);
    return new GgufTokenizerJson(json).list(json.get("model"));
  }

  private GgufTokenList list(Json model) {
    String type = model.find("type").map(Json::text).orElse("BPE");
    if (type.equals("WordPiece")) {
      Set<String> special = new TreeSet<>();
      json.find("added_tokens").ifPresent(list -> list.elements().stream().filter(t -> t.flag("special", false)).forEach(
          token -> special.add(token.get("content").text())));
      return wordPiece(byId(model.get("vocab")), special);
    }
    if (!type.equals("BPE")) {
      throw model.broken("is of type " + type + ", for which this writer of GGUF files has no form; BPE and WordPiece have one");
    }
    boolean bytes = !model.flag("byte_fallback", false);
    List<String> merges = merges(model);
    GgufTokenList cut = bytes ? GgufTokenList.of("gpt2").cutBy(pre(model)) : GgufTokenList.of("llama").cutBy("default");
    GgufTokenList list = bytes || addsSpace() ? cut : cut.withoutSpace();
    List<String> tokens = byId(model.get("vocab"));
    for (String token : tokens) {
      list.tokens().add(token);
      list.types().add(bytes || !token.matches("<0x[0-9A-F]{2}>") ? GgufTokenList.NORMAL : GgufTokenList.BYTE);
    }
    if (bytes) {
      list.merges().addAll(merges);
    } else {
      scores(tokens, merges, list);
    }
    added(model, list);
    return list;
  }

  /** Tokens by their ids, which must not leave one out. */
  private static List<String> byId(Json vocab) {
    Map<Integer, String> byId = new TreeMap<>();
    vocab.node().properties().forEach(token -> byId.put(vocab.get(token.getKey()).number(), token.getKey()));
    List<String> tokens = new ArrayList<>();
    byId.forEach((id, token) -> {
      while (tokens.size() < id) {
        tokens.add("[PAD%d]".formatted(tokens.size()));
      }
      tokens.add(token);
    });
    return tokens;
  }

  private static List<String> merges(Json model) {
    List<String> merges = new ArrayList<>();
    for (Json merge : model.get("merges").elements()) {
      if (merge.node().isTextual() && merge.text().startsWith("#version")) {
        continue;
      }
      String pair = merge.node().isArray() ? merge.node().path(0).asText() + " " + merge.node().path(1).asText() : merge.text();
      if (merge.node().isArray() && pair.chars().filter(c -> c == ' ').count() != 1) {
        throw merge.broken("has a space in a token, which GGUF's form of merges cannot hold");
      }
      merges.add(pair);
    }
    return merges;
  }

  /** sentencepiece merges the pair first whose token has the highest score: of the first merge that makes it. */
  private static void scores(List<String> tokens, List<String> merges, GgufTokenList list) {
    Map<String, Integer> first = new HashMap<>();
    for (int rank = 0; rank < merges.size(); rank++) {
      first.putIfAbsent(merges.get(rank).replaceFirst(" ", ""), rank);
    }
    for (String token : tokens) {
      list.scores().add(first.containsKey(token) ? (float) -(first.get(token) + 1) : -merges.size() - 1f);
    }
  }

  private void added(Json model, GgufTokenList list) {
    Optional<String> unknown = model.find("unk_token").map(Json::text);
    json.find("added_tokens").ifPresent(added -> {
      for (Json token : added.elements()) {
        String text = token.get("content").text();
        int type = !token.flag("special", false) ? GgufTokenList.USER_DEFINED
            : unknown.isPresent() && unknown.get().equals(text) && !list.scores().isEmpty() ? GgufTokenList.UNKNOWN : GgufTokenList.CONTROL;
        list.put(token.get("id").number(), text, type);
      }
    });
  }

  /** Whether a Metaspace or a Prepend puts a space in front. */
  private boolean addsSpace() {
    String text = json.find("normalizer").map(j -> j.node().toString()).orElse("") + json.find("pre_tokenizer").map(j -> j.node().toString()).orElse("");
    return text.contains("\"Prepend\"") || text.contains("Metaspace") && !text.contains("\"prepend_scheme\":\"never\"");
  }

  /** The name of what cuts texts. */
  private String pre(Json model) {
    List<String> patterns = new ArrayList<>();
    json.find("pre_tokenizer").ifPresent(pre -> patterns(pre, patterns));
    return GgufPre.name(patterns, model.flag("ignore_merges", false)).orElseThrow(() -> new ConfigException(("%s: llama.cpp has no name for how this "
        + "tokenizer cuts texts, or none that is known here: %s").formatted(json.file(), patterns)));
  }

  private static void patterns(Json pre, List<String> into) {
    switch (pre.get("type").text()) {
      case "Sequence" -> pre.get("pretokenizers").elements().forEach(each -> patterns(each, into));
      case "Split" -> into.add(pre.get("pattern").find("Regex").map(Json::text).orElse("a text, not an expression"));
      case "Digits" -> into.add(pre.flag("individual_digits", false) ? "\\p{N}" : "runs of digits");
      case "ByteLevel" -> {
        if (pre.flag("use_regex", true)) {
          into.add("");
        }
      }
      default -> into.add(pre.get("type").text());
    }
  }

  /** Whole words have a mark in front in GGUF, and what continues one has none. */
  static GgufTokenList wordPiece(List<String> tokens, Set<String> special) {
    GgufTokenList list = GgufTokenList.of("bert");
    for (String token : tokens) {
      boolean marked = special.contains(token) || special.isEmpty() && token.matches("\\[[A-Z]+]");
      boolean bracketed = token.startsWith("[") && token.endsWith("]");
      list.tokens().add(marked || bracketed ? token : token.startsWith(CONTINUED) ? token.substring(CONTINUED.length()) : WORD + token);
      list.types().add(marked ? GgufTokenList.CONTROL : GgufTokenList.NORMAL);
    }
    return list;
  }
}
