package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.ByteLevelDecoder;
import io.github.lora4j.tokenizer.internal.json.Inputs;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.BpeJson;
import io.github.lora4j.tokenizer.internal.model.Model;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.Normalizer;
import io.github.lora4j.tokenizer.internal.words.Spaces;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Reads {@code vocab.json} and the {@code merges.txt} beside it, as transformers' tokenizers of RoBERTa and GPT-2 do. Which of the two it
 * is says tokenizer_class in {@code tokenizer_config.json}, or else model_type in {@code config.json}.
 */
final class VocabJson {

  private static final String VERSION = "#version: 0.2";
  private static final Map<String, String> ROBERTA = Map.of("bos_token", "<s>", "eos_token", "</s>", "sep_token", "</s>", "cls_token",
      "<s>", "unk_token", "<unk>", "pad_token", "<pad>", "mask_token", "<mask>");
  private static final Map<String, String> GPT2 = Map.of("bos_token", "<|endoftext|>", "eos_token", "<|endoftext|>", "unk_token",
      "<|endoftext|>");

  private final Path file;
  private final Json vocab;
  private final Json config;

  private VocabJson(Path file) {
    this.file = file;
    this.vocab = Json.read(file);
    this.config = TokenizerClass.config(file);
  }

  static Tokenizer load(Path file) {
    return new VocabJson(file).load();
  }

  private Tokenizer load() {
    boolean roberta = roberta();
    boolean prefixSpace = config.flag("add_prefix_space", false);
    Vocabulary vocabulary = Vocabulary.read(vocab);
    vocabulary.requireBytes(vocab);
    Model bpe = BpeJson.bytes(vocabulary, merges(), vocab);
    Map<Integer, AddedTokens.Token> added = AddedTokensFiles.decoder(config, vocabulary);
    if (added.isEmpty() && Files.exists(file.resolveSibling("added_tokens.json"))) {
      throw new FormatException(file.resolveSibling("added_tokens.json") + ": is not read without added_tokens_decoder in "
          + "tokenizer_config.json, which says how its tokens are found; save the tokenizer as tokenizer.json");
    }
    Map<String, Integer> special = new TreeMap<>();
    Map<String, String> names = new TreeMap<>(roberta ? ROBERTA : GPT2);
    for (String key : ROBERTA.keySet()) {
      config.find(key).ifPresent(
          json -> names.put(key, json.node().isObject() ? json.get("content").text() : json.text()));
    }
    names.forEach((key, token) -> {
      int id = vocabulary.id(token).orElseThrow(
          () -> vocab.broken("has no " + key + " '" + token + "'; another name is set in tokenizer_config.json"));
      special.put(key, id);
      // A mask takes the spaces before it, as in the text that the model was trained on.
      added.putIfAbsent(id, new AddedTokens.Token(id, token, false, key.equals("mask_token"), false, false, true));
    });
    List<AddedTokens.Token> tokens = List.copyOf(added.values());
    Template template = roberta
        ? Template.roberta(id(special, "cls_token"), id(special, "sep_token")).trimmed(Trim.of(vocabulary, tokens, prefixSpace))
        : Template.bare();
    return new PipelineTokenizer(vocabulary, tokens,
        new PipelineTokenizer.Parts(Normalizer.none(), Spaces.bytes(prefixSpace, true), bpe, template, new ByteLevelDecoder()));
  }

  private static int id(Map<String, Integer> special, String key) {
    return Objects.requireNonNull(special.get(key), "RoBERTa's names have every key");
  }

  private boolean roberta() {
    String kind = TokenizerClass.named(file).map(TokenizerClass::base)
        .or(() -> TokenizerClass.beside(file, "config.json").flatMap(json -> json.find("model_type")).map(Json::text)).orElse("");
    boolean roberta = kind.equals("RobertaTokenizer") || kind.equals("roberta");
    if (!roberta && !kind.equals("GPT2Tokenizer") && !kind.equals("gpt2")) {
      throw new FormatException(file + ": is it RoBERTa's or GPT-2's? tokenizer_class in tokenizer_config.json, or else model_type in "
          + "config.json, should say so, is '" + kind + "'");
    }
    return roberta;
  }

  private List<BpeJson.Pair> merges() {
    Path merges = file.resolveSibling("merges.txt");
    List<String> lines = Inputs.text(merges).lines().toList();
    // transformers drops the first line whatever it is, tokenizers only this one: another would be a merge to one of them.
    if (lines.isEmpty() || !lines.getFirst().startsWith(VERSION)) {
      throw new FormatException(merges + ": line 1 should be '" + VERSION + "', is '" + (lines.isEmpty() ? "" : lines.getFirst()) + "'");
    }
    List<BpeJson.Pair> pairs = new ArrayList<>();
    for (int i = 1; i < lines.size(); i++) {
      String[] pair = lines.get(i).split(" ", -1);
      if (pair.length != 2) {
        throw new FormatException(merges + ": line " + (i + 1) + " should be two tokens with a space between, is '" + lines.get(i) + "'");
      }
      pairs.add(new BpeJson.Pair(pair[0], pair[1], at -> "merges.txt, line " + (at + 1), i));
    }
    return pairs;
  }
}
