package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.PerToken;
import io.github.lora4j.tokenizer.internal.json.Inputs;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.Model;
import io.github.lora4j.tokenizer.internal.model.ModelJson;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.BertNormalizer;
import io.github.lora4j.tokenizer.internal.words.Cuts;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads BERT's {@code vocab.txt}, one token a line with the line's number as id, as transformers' BertTokenizer does: settings and names of
 * special tokens come from the {@code tokenizer_config.json} beside it, lower-casing being on where it says nothing; added tokens from there or from
 * {@code added_tokens.json}.
 */
final class VocabTxt {

  private static final String PREFIX = "##";
  private static final int MAX_CHARS_PER_WORD = 100;

  private VocabTxt() {}

  static Tokenizer load(Path file) {
    Vocabulary vocabulary = new Vocabulary();
    List<String> lines = Inputs.text(file).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      if (!vocabulary.add(lines.get(i), i)) {
        throw new FormatException(file + ": line " + (i + 1) + " repeats the token '" + lines.get(i) + "'");
      }
    }
    TokenizerClass.require(file, TokenizerClass.BERT);
    Json config = TokenizerClass.config(file);
    refuseOtherSplitting(config);
    List<AddedTokens.Token> special = new ArrayList<>();
    int unknown = special(file, config, vocabulary, "unk_token", "[UNK]", special);
    int sep = special(file, config, vocabulary, "sep_token", "[SEP]", special);
    special(file, config, vocabulary, "pad_token", "[PAD]", special);
    int cls = special(file, config, vocabulary, "cls_token", "[CLS]", special);
    special(file, config, vocabulary, "mask_token", "[MASK]", special);
    Map<Integer, AddedTokens.Token> added = AddedTokensFiles.decoder(config, vocabulary);
    if (added.isEmpty()) {
      added = AddedTokensFiles.json(file, config, vocabulary);
    }
    for (AddedTokens.Token token : special) {
      added.putIfAbsent(token.id(), token);
    }
    boolean lowercase = config.flag("do_lower_case", true);
    BertNormalizer normalizer = new BertNormalizer(
        true, config.flag("tokenize_chinese_chars", true), config.flag("strip_accents", lowercase), lowercase);
    Model model = ModelJson.wordPiece(vocabulary.ids(), unknown, PREFIX, MAX_CHARS_PER_WORD);
    return new PipelineTokenizer(vocabulary, List.copyOf(added.values()),
        new PipelineTokenizer.Parts(normalizer, Cuts.BERT, model, Template.bert(cls, sep), PerToken.wordPiece(PREFIX, true)));
  }

  private static void refuseOtherSplitting(Json config) {
    if (!config.flag("do_basic_tokenize", true)) {
      throw config.get("do_basic_tokenize").broken("is false, which is not supported");
    }
    config.find("never_split").filter(list -> !list.elements().isEmpty()).ifPresent(list -> {
      throw list.broken("is not supported");
    });
    for (String key : List.of("word_tokenizer_type", "subword_tokenizer_type")) {
      config.find(key).ifPresent(json -> {
        throw json.broken("is %s: a setting of BertJapaneseTokenizer, which is not supported".formatted(json.text()));
      });
    }
  }

  private static int special(
      Path file, Json config, Vocabulary vocabulary, String key, String otherwise, List<AddedTokens.Token> into) {
    String token = config.find(key)
        .map(json -> json.node().isObject() ? json.get("content").text() : json.text())
        .orElse(otherwise);
    int id = vocabulary.id(token).orElseThrow(
        () -> new FormatException(file + ": has no " + key + " " + token + "; another name is set in tokenizer_config.json"));
    into.add(new AddedTokens.Token(id, token, false, false, false, false, true));
    return id;
  }
}
