package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.ByteLevelDecoder;
import io.github.lora4j.tokenizer.internal.decode.DecoderJson;
import io.github.lora4j.tokenizer.internal.decode.PerToken;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.model.BpeJson;
import io.github.lora4j.tokenizer.internal.model.Model;
import io.github.lora4j.tokenizer.internal.model.ModelJson;
import io.github.lora4j.tokenizer.internal.model.SentencePieces;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.BertNormalizer;
import io.github.lora4j.tokenizer.internal.normal.Charsmap;
import io.github.lora4j.tokenizer.internal.normal.Normalizer;
import io.github.lora4j.tokenizer.internal.normal.SentencePieceNormalizer;
import io.github.lora4j.tokenizer.internal.words.Cuts;
import io.github.lora4j.tokenizer.internal.words.Words;
import io.github.lora4j.vector.Names;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Reads the vocabulary of a GGUF file. Kinds: "llama" is sentencepiece's BPE, "gpt2" BPE of bytes, "bert" WordPiece, "t5" sentencepiece's unigram
 * model. Special tokens (control, and those that end an answer
 * in any model, which some files mark wrongly) are recognised in text as Hugging Face's are; those that a user has defined are taken whole everywhere.
 */
final class GgufVocabulary {

  static final String PREFIX = "tokenizer.ggml.";

  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int BYTE = 6;
  private static final String WORD = "\u2581";
  private static final String CONTINUED = "##";
  private static final int MAX_CHARS_PER_WORD = 100;

  private final Path file;
  private final GgufMetadata of;
  private final List<String> tokens;
  private final int[] types;
  private final Vocabulary vocabulary = new Vocabulary();
  private final List<AddedTokens.Token> added = new ArrayList<>();

  private GgufVocabulary(Path file, GgufMetadata of) {
    this.file = file;
    this.of = of;
    tokens = of.texts(PREFIX + "tokens");
    types = types();
  }

  static Tokenizer load(Path file) {
    try (GgufFile gguf = GgufFile.open(file)) {
      GgufMetadata metadata = gguf.metadata();
      if (!metadata.has(PREFIX + "tokens")) {
        throw metadata.error("holds no vocabulary (tokenizer.ggml.tokens)");
      }
      return new GgufVocabulary(file, metadata).load(metadata.text(PREFIX + "model"));
    }
  }

  private Tokenizer load(String model) {
    return switch (model) {
      case "llama", "t5" -> sentencePiece(model.equals("llama"));
      case "gpt2" -> bytes();
      case "bert" -> wordPiece();
      default -> throw of.error("%smodel is \"%s\", which is not supported; llama, gpt2, bert and t5 are".formatted(PREFIX, Names.printable(model)));
    };
  }

  private int[] types() {
    if (!of.has(PREFIX + "token_type")) {
      int[] all = new int[tokens.size()];
      Arrays.fill(all, NORMAL);
      return all;
    }
    long[] given = of.wholes(PREFIX + "token_type");
    if (given.length != tokens.size()) {
      throw of.error("%stoken_type has %d entries for %d tokens".formatted(PREFIX, given.length, tokens.size()));
    }
    for (int id = 0; id < given.length; id++) {
      if (given[id] < NORMAL || given[id] > BYTE) {
        throw of.error("token %d \"%s\" is of type %d; types are 1 to 6".formatted(id, Names.printable(tokens.get(id)), given[id]));
      }
    }
    return Arrays.stream(given).mapToInt(type -> (int) type).toArray();
  }

  private void add(String token, int id) {
    if (token.isEmpty() || !vocabulary.add(token, id)) {
      throw of.error("token %d \"%s\" is empty or there twice".formatted(id, Names.printable(token)));
    }
    boolean special = types[id] == CONTROL || types[id] == UNKNOWN || GgufSettings.ENDING.contains(token);
    if (special || types[id] == USER_DEFINED) {
      added.add(new AddedTokens.Token(id, token, false, false, false, false, special));
    }
  }

  private Tokenizer sentencePiece(boolean bpe) {
    Map<String, Integer> normal = new HashMap<>();
    boolean fallback = false;
    for (int id = 0; id < tokens.size(); id++) {
      add(tokens.get(id), id);
      fallback |= types[id] == BYTE;
      if (types[id] == NORMAL && !GgufSettings.ENDING.contains(tokens.get(id))) {
        normal.put(tokens.get(id), id);
      }
    }
    double[] given = of.numbers(PREFIX + "scores");
    if (given.length != tokens.size() || Arrays.stream(given).anyMatch(score -> !Double.isFinite(score))) {
      throw of.error("%sscores has %d entries for %d tokens, or one that is no number".formatted(PREFIX, given.length, tokens.size()));
    }
    float[] scores = new float[given.length];
    for (int id = 0; id < scores.length; id++) {
      scores[id] = (float) given[id];
    }
    int unknown = id("unknown_token_id", bpe ? 0 : 2).orElseThrow(() -> of.error("has no unknown token"));
    OptionalInt[] bytes = fallback ? vocabulary.byteTokens() : new OptionalInt[0];
    SentencePieces pieces = new SentencePieces(scores.length, normal, Map.of(), scores, unknown, bytes);
    boolean prefix = of.flag(PREFIX + "add_space_prefix", true);
    boolean trim = of.flag(PREFIX + "remove_extra_whitespaces", false);
    Model model = bpe ? pieces.bpe() : pieces.unigram();
    Normalizer normalizer = new SentencePieceNormalizer(charsmap(), List.of(), new SentencePieceNormalizer.Settings(prefix, trim, true, false));
    return tokenizer(normalizer, Words.none(), model, ends(bpe, !bpe), DecoderJson.sentencePiece(prefix));
  }

  private Charsmap charsmap() {
    String key = PREFIX + "precompiled_charsmap";
    if (!of.has(key)) {
      return Charsmap.NONE;
    }
    long[] values = of.value(key).value() instanceof GgufValue.Items ? of.wholes(key) : new long[0];
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes.length == 0 ? Charsmap.NONE : Charsmap.of(bytes, file + ": precompiled_charsmap");
  }

  private Tokenizer bytes() {
    GgufPre pre = GgufPre.of(of);
    for (int id = 0; id < tokens.size(); id++) {
      add(tokens.get(id), id);
    }
    List<BpeJson.Pair> pairs = new ArrayList<>();
    for (String merge : of.texts(PREFIX + "merges")) {
      // A token of old files may begin with a space.
      int space = merge.indexOf(' ', 1);
      if (space < 0) {
        throw of.error("%smerges: \"%s\" should be two tokens".formatted(PREFIX, Names.printable(merge)));
      }
      pairs.add(new BpeJson.Pair(merge.substring(0, space), merge.substring(space + 1), at -> PREFIX + "merges, entry " + at, pairs.size()));
    }
    Json place = Json.empty(file);
    vocabulary.requireBytes(place);
    return tokenizer(Normalizer.none(), pre.words(), BpeJson.bytes(vocabulary, pairs, place, pre.wholeWords()), ends(pre.begins(), false),
        new ByteLevelDecoder());
  }

  private Tokenizer wordPiece() {
    boolean cased = false;
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      boolean whole = token.startsWith(WORD);
      boolean plain = types[id] == NORMAL && !(token.startsWith("[") && token.endsWith("]"));
      cased |= plain && token.codePoints().anyMatch(c -> Character.toLowerCase(c) != c);
      // Whole words have a mark in front here, and what continues a word has one there.
      add(!plain ? token : whole ? token.substring(WORD.length()) : CONTINUED + token, id);
    }
    int cls = id("cls_token_id", id("bos_token_id", 101).orElse(101)).orElseThrow(() -> of.error("has no [CLS] token"));
    int sep = id("seperator_token_id", id("eos_token_id", 102).orElse(102)).orElseThrow(() -> of.error("has no [SEP] token"));
    int unknown = id("unknown_token_id", 100).orElseThrow(() -> of.error("has no [UNK] token"));
    for (int id : new int[] {cls, sep, unknown, id("padding_token_id", 0).orElse(unknown), id("mask_token_id", 103).orElse(unknown)}) {
      String token = vocabulary.token(id).orElseThrow();
      if (token.startsWith("[") && token.endsWith("]") && added.stream().noneMatch(t -> t.id() == id)) {
        added.add(new AddedTokens.Token(id, token, false, false, false, false, true));
      }
    }
    Model model = ModelJson.wordPiece(vocabulary.ids(), unknown, CONTINUED, MAX_CHARS_PER_WORD);
    return tokenizer(new BertNormalizer(true, true, !cased, !cased), Cuts.BERT, model, Template.bert(cls, sep), PerToken.wordPiece(CONTINUED, true));
  }

  private Tokenizer tokenizer(Normalizer normalizer, Words words, Model model, Template template,
      io.github.lora4j.tokenizer.internal.decode.Decoder decoder) {
    return new PipelineTokenizer(vocabulary, added, new PipelineTokenizer.Parts(normalizer, words, model, template, decoder));
  }

  private Template ends(boolean begin, boolean end) {
    OptionalInt first = of.flag(PREFIX + "add_bos_token", begin) ? id("bos_token_id", begin && !end ? 1 : -1) : OptionalInt.empty();
    OptionalInt last = of.flag(PREFIX + "add_eos_token", end) ? id("eos_token_id", end ? 1 : -1) : OptionalInt.empty();
    if (last.isEmpty() && of.flag(PREFIX + "add_sep_token", false)) {
      last = id("seperator_token_id", -1);
    }
    return Template.ends(first.isPresent() ? List.of(first.getAsInt()) : List.of(), last.isPresent() ? List.of(last.getAsInt()) : List.of());
  }

  /** The id of a special token; one behind the vocabulary is an error, none where there is no such token. */
  private OptionalInt id(String key, int otherwise) {
    long id = of.has(PREFIX + key) ? of.whole(PREFIX + key) : otherwise;
    if (id < 0 || id == 0xFFFF_FFFFL || id >= tokens.size() && !of.has(PREFIX + key)) {
      return OptionalInt.empty();
    }
    if (id >= tokens.size()) {
      throw of.error("%s%s is %d, the vocabulary ends at %d".formatted(PREFIX, key, id, tokens.size() - 1));
    }
    return OptionalInt.of((int) id);
  }

}
