package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.tokenizer.internal.json.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which class of transformers a tokenizer is for. Files alike are cut otherwise by other classes, and a model knows the tokens that it was trained
 * with.
 */
final class TokenizerClass {

  private static final String CONFIG = "tokenizer_config.json";

  /** Where a class is named, the first that does so counts. */
  private static final List<String> FILES = List.of(CONFIG, "config.json");

  /** Those that cut a vocab.txt as BERT's does. */
  static final Set<String> BERT = Set.of("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer",
      "ConvBertTokenizer", "LayoutLMTokenizer");

  /**
   * Those that are written in Python, or for sentencepiece, and do not read a tokenizer.json: transformers 5.18's classes that extend
   * PreTrainedTokenizer or SentencePieceBackend. A class that it does not know reads one.
   */
  private static final Set<String> WITHOUT_JSON = Set.of("BartphoTokenizer", "BertGenerationTokenizer", "BertJapaneseTokenizer",
      "BertTokenizerLegacy", "BertweetTokenizer", "BioGptTokenizer", "BlenderbotSmallTokenizer", "ByT5Tokenizer", "CTRLTokenizer",
      "CanineTokenizer", "ClvpTokenizer", "CpmAntTokenizer", "CpmTokenizer", "DiaTokenizer", "EsmTokenizer", "FSMTTokenizer",
      "FastSpeech2ConformerTokenizer", "FlaubertTokenizer", "GPTNeoXJapaneseTokenizer", "GPTSw3Tokenizer", "M2M100Tokenizer", "MarianTokenizer",
      "MgpstrTokenizer", "MyT5Tokenizer", "PLBartTokenizer", "PerceiverTokenizer", "PhobertTokenizer", "Pop2PianoTokenizer", "ProphetNetTokenizer",
      "RoCBertTokenizer", "SiglipTokenizer", "Speech2TextTokenizer", "SpeechT5Tokenizer", "TapasTokenizer", "VitsTokenizer", "Wav2Vec2CTCTokenizer",
      "Wav2Vec2PhonemeCTCTokenizer", "XLMTokenizer");

  private TokenizerClass() {}

  /** A JSON file beside another, if it is there. */
  static Optional<Json> beside(Path file, String name) {
    Path other = file.resolveSibling(name);
    return Files.exists(other) ? Optional.of(Json.read(other)) : Optional.empty();
  }

  /** The {@code tokenizer_config.json} beside a file; without members if it is not there. */
  static Json config(Path file) {
    return beside(file, CONFIG).orElseGet(() -> Json.empty(file.resolveSibling(CONFIG)));
  }

  /** The class that files beside this one name, as the JSON value that does. */
  static Optional<Json> named(Path file) {
    return FILES.stream().flatMap(name -> beside(file, name).flatMap(json -> json.find("tokenizer_class")).stream()).findFirst();
  }

  /** The name of a class without what says that it is the fast one, in Rust, of two that cut alike. */
  static String base(Json json) {
    String name = json.text();
    return name.endsWith("Fast") ? name.substring(0, name.length() - "Fast".length()) : name;
  }

  /** Refuses a class other than those. */
  static void require(Path file, Set<String> supported) {
    named(file).filter(json -> !supported.contains(base(json))).ifPresent(json -> {
      throw json.broken("is %s: %s is read as %s alone; another class cuts texts into other tokens than the model was trained with".formatted(
          json.text(), file.getFileName(), String.join(", ", supported.stream().sorted().toList())));
    });
  }

  /** Refuses a class that would not read the tokenizer.json. */
  static void requireJson(Path file) {
    named(file).filter(json -> WITHOUT_JSON.contains(json.text())).ifPresent(json -> {
      throw json.broken("is %s, which does not read %s: it cuts texts into other tokens".formatted(json.text(), file.getFileName()));
    });
  }
}
