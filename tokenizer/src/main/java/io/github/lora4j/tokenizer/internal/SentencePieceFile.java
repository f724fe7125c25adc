package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.tokenizer.internal.decode.Decoder;
import io.github.lora4j.tokenizer.internal.decode.DecoderJson;
import io.github.lora4j.tokenizer.internal.json.Json;
import io.github.lora4j.tokenizer.internal.json.Protobuf;
import io.github.lora4j.tokenizer.internal.model.Model;
import io.github.lora4j.tokenizer.internal.model.SentencePieces;
import io.github.lora4j.tokenizer.internal.model.Vocabulary;
import io.github.lora4j.tokenizer.internal.normal.Charsmap;
import io.github.lora4j.tokenizer.internal.normal.SentencePieceNormalizer;
import io.github.lora4j.tokenizer.internal.words.Words;
import io.github.lora4j.vector.FormatException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads a sentencepiece {@code .model}: a message of pieces (1), what it was trained with (2) and its normalisation (3). Text is encoded as
 * sentencepiece does it; control pieces that stand in a text are recognised as Hugging Face's do. Which of them are put around a text says
 * {@code tokenizer_config.json} or {@code config.json} beside it.
 */
final class SentencePieceFile {

  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int BYTE = 6;
  private static final int UNIGRAM = 1;
  private static final int BPE = 2;
  private static final int MAX_PIECES = 1 << 21;
  private static final Set<String> T5 = Set.of("T5Tokenizer", "t5", "mt5");

  private final Path file;
  private final Vocabulary vocabulary = new Vocabulary();
  private final List<Float> scores = new ArrayList<>();
  private final Map<String, Integer> normal = new HashMap<>();
  private final Map<String, Integer> userDefined = new HashMap<>();
  private final List<AddedTokens.Token> control = new ArrayList<>();
  private int unknown = -1;
  private int kind = UNIGRAM;
  private boolean byteFallback;
  private boolean suffix;
  private int bos = 1;
  private int eos = 2;
  private boolean prefix = true;
  private boolean trim = true;
  private boolean escape = true;
  private Charsmap map = Charsmap.NONE;

  private SentencePieceFile(Path file) {
    this.file = file;
  }

  static Tokenizer load(Path file) {
    SentencePieceFile reader = new SentencePieceFile(file);
    Protobuf model = Protobuf.of(file);
    while (model.next()) {
      switch (model.field()) {
        case 1 -> reader.piece(model.message());
        case 2 -> reader.trained(model.message());
        case 3 -> reader.normalized(model.message());
        default -> model.skip();
      }
    }
    return reader.build();
  }

  private void piece(Protobuf piece) {
    String text = "";
    float score = 0;
    int type = NORMAL;
    while (piece.next()) {
      switch (piece.field()) {
        case 1 -> text = new String(piece.bytes(), StandardCharsets.UTF_8);
        case 2 -> score = piece.real();
        case 3 -> type = piece.number();
        default -> piece.skip();
      }
    }
    int id = scores.size();
    if (id >= MAX_PIECES || text.isEmpty() || !Float.isFinite(score) || !vocabulary.add(text, id)) {
      throw piece.broken("piece " + id + " '" + text + "' is empty, there twice, has the score " + score + ", or is one of more than " + MAX_PIECES);
    }
    scores.add(score);
    switch (type) {
      case NORMAL -> normal.put(text, id);
      case UNKNOWN -> {
        unknown = id;
        control.add(new AddedTokens.Token(id, text, false, false, false, false, true));
      }
      case CONTROL -> control.add(new AddedTokens.Token(id, text, false, false, false, false, true));
      case USER_DEFINED -> userDefined.put(text, id);
      case BYTE -> byteFallback = true;
      default -> throw piece.broken("piece " + id + " is of type " + type + ", which is not supported (1 normal, 2 unknown, 3 control, "
          + "4 user-defined, 6 byte)");
    }
  }

  private void trained(Protobuf trainer) {
    while (trainer.next()) {
      switch (trainer.field()) {
        case 3 -> kind = trainer.number();
        case 24 -> suffix = trainer.number() != 0;
        case 41 -> bos = trainer.number();
        case 42 -> eos = trainer.number();
        default -> trainer.skip();
      }
    }
  }

  private void normalized(Protobuf normalizer) {
    while (normalizer.next()) {
      switch (normalizer.field()) {
        case 2 -> {
          byte[] bytes = normalizer.bytes();
          map = bytes.length == 0 ? Charsmap.NONE : Charsmap.of(bytes, file + ": precompiled_charsmap");
        }
        case 3 -> prefix = normalizer.number() != 0;
        case 4 -> trim = normalizer.number() != 0;
        case 5 -> escape = normalizer.number() != 0;
        default -> normalizer.skip();
      }
    }
  }

  private Tokenizer build() {
    if (unknown < 0) {
      throw new FormatException(file + ": is no sentencepiece model: it has no unknown piece");
    }
    if (kind != UNIGRAM && kind != BPE) {
      throw new FormatException(file + ": is a sentencepiece model of kind " + kind + ", supported: 1 (unigram), 2 (BPE)");
    }
    float[] score = new float[scores.size()];
    for (int i = 0; i < score.length; i++) {
      score[i] = scores.get(i);
    }
    OptionalInt[] bytes = byteFallback ? vocabulary.byteTokens() : new OptionalInt[0];
    SentencePieces pieces = new SentencePieces(score.length, normal, userDefined, score, unknown, bytes);
    Model model = kind == BPE ? pieces.bpe() : pieces.unigram();
    SentencePieceNormalizer normalizer =
        new SentencePieceNormalizer(map, userDefined.keySet(), new SentencePieceNormalizer.Settings(prefix, trim, escape, suffix));
    Json config = TokenizerClass.config(file);
    Map<Integer, AddedTokens.Token> added = AddedTokensFiles.decoder(config, vocabulary);
    control.forEach(token -> added.putIfAbsent(token.id(), token));
    if (T5.contains(name())) {
      sentinels(config, added);
    }
    Decoder decoder = DecoderJson.sentencePiece(prefix && !suffix);
    return new PipelineTokenizer(vocabulary, List.copyOf(added.values()),
        new PipelineTokenizer.Parts(normalizer, Words.none(), model, around(config), decoder));
  }

  /** T5's sentinels, which its files may leave unsaid: they follow the pieces, the first one last. */
  private void sentinels(Json config, Map<Integer, AddedTokens.Token> added) {
    int count = Math.clamp(config.find("extra_ids").map(Json::number).orElse(100), 0, MAX_PIECES);
    for (int i = 0; i < count; i++) {
      String text = "<extra_id_" + (count - 1 - i) + ">";
      if (vocabulary.id(text).isEmpty()) {
        int id = scores.size() + i;
        if (!vocabulary.add(text, id)) {
          throw new FormatException("%s: the id %d of %s has another token already; save the tokenizer as tokenizer.json".formatted(file, id, text));
        }
        added.putIfAbsent(id, new AddedTokens.Token(id, text, false, false, false, false, true));
      }
    }
  }

  private String name() {
    return TokenizerClass.named(file).map(TokenizerClass::base)
        .or(() -> TokenizerClass.beside(file, "config.json").flatMap(json -> json.find("model_type")).map(Json::text)).orElse("");
  }

  private Template around(Json config) {
    String name = name();
    boolean first = switch (name) {
      case "LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "llama", "mistral", "mixtral", "gemma", "gemma2", "gemma3_text", "phi3" -> true;
      case "T5Tokenizer", "t5", "mt5", "", "PreTrainedTokenizer" -> false;
      default -> throw new FormatException(file + ": is for a " + name + ", whose ids and special tokens may differ from the model's; supported: "
          + "LlamaTokenizer, GemmaTokenizer, T5Tokenizer; save the tokenizer as tokenizer.json");
    };
    boolean last = T5.contains(name);
    first = config.flag("add_bos_token", first) && bos >= 0 && bos < scores.size();
    last = config.flag("add_eos_token", last) && eos >= 0 && eos < scores.size();
    return Template.ends(first ? List.of(bos) : List.of(), last ? List.of(eos) : List.of());
  }
}
