package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.DecoderJson;
import io.github.lora4j.tokenizer.internal.decode.PerToken;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.ModelJson;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.Normalizer;
import io.github.lora4j.tokenizer.internal.normal.NormalizerJson;
import io.github.lora4j.tokenizer.internal.words.Words;
import io.github.lora4j.tokenizer.internal.words.WordsJson;
import java.nio.file.Path;
import java.util.List;

/** Reads a Hugging Face {@code tokenizer.json}. */
final class TokenizerJson {

  private TokenizerJson() {}

  static Tokenizer load(Path file) {
    TokenizerClass.requireJson(file);
    Json root = Json.read(file);
    Json model = root.get("model");
    ModelJson read = ModelJson.read(model);
    Vocabulary vocabulary = read.vocabulary();
    if (read.drops() && root.find("pre_tokenizer").filter(TokenizerJson::isByteLevel).isPresent()) {
      vocabulary.requireBytes(model.get("vocab"));
    }
    List<AddedTokens.Token> added = addedTokens(root, vocabulary);
    return new PipelineTokenizer(vocabulary, added, new PipelineTokenizer.Parts(
        root.find("normalizer").map(NormalizerJson::read).orElse(Normalizer.none()),
        root.find("pre_tokenizer").map(WordsJson::read).orElse(Words.none()),
        read.model(),
        root.find("post_processor").map(json -> TemplateJson.read(json, vocabulary, added)).orElse(Template.bare()),
        root.find("decoder").map(DecoderJson::read).orElse(PerToken.spaced())));
  }

  /** Whether all text becomes bytes. */
  private static boolean isByteLevel(Json words) {
    List<Json> steps = words.find("pretokenizers").map(Json::elements).orElse(List.of(words));
    return !steps.isEmpty() && steps.getLast().find("type").filter(type -> type.text().equals("ByteLevel")).isPresent();
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
    vocabulary.add(json, token.content(), token.id());
    return token;
  }
}
