package io.github.lora4j.tokenizer;

import io.github.lora4j.tokenizer.internal.TokenizerFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** Turns text into token ids and back. Thread-safe. */
public interface Tokenizer {

  /**
   * Reads a tokenizer: a Hugging Face {@code tokenizer.json}, a {@code vocab.txt} (with the {@code tokenizer_config.json} beside it, if
   * there is one), a {@code vocab.json} with the {@code merges.txt} beside it, or a directory that holds one of them (looked for in this
   * order). WordPiece models of the BERT family and byte-level BPE models of RoBERTa and GPT-2 are read; another kind is a
   * {@link io.github.lora4j.vector.FormatException} that names what is supported.
   *
   * <p>The {@code padding} and {@code truncation} sections of a {@code tokenizer.json} are deliberately not followed: batches here are
   * packed, never padded, and a maximum length is the caller's to give, so that a file cannot shorten texts unseen.
   */
  static Tokenizer load(Path fileOrDirectory) {
    return TokenizerFiles.load(fileOrDirectory);
  }

  /** Encodes a text, with the model's special tokens around it. An unpaired surrogate counts as U+FFFD. */
  default Encoding encode(String text) {
    return encode(text, Integer.MAX_VALUE);
  }

  /**
   * Encodes a text to at most {@code maxLength} tokens, special tokens counted; tokens are left out at its end.
   *
   * @throws io.github.lora4j.vector.ConfigException if {@code maxLength} leaves no place for the special tokens
   */
  Encoding encode(String text, int maxLength);

  /**
   * Encodes a text, with the model's special tokens around it or without. Special tokens that stand in the text are recognised either way.
   * Without those around it, the offsets of the text's tokens are the same.
   */
  Encoding encode(String text, boolean addSpecialTokens);

  /**
   * Encodes a text that is only text, with nothing around it: special tokens that stand in it are characters like any other, as text of a user
   * should be. Added tokens that are not special are recognised.
   */
  Encoding encodePlain(String text);

  /** Encodes a pair of texts, such as question and passage. */
  default Encoding encode(String first, String second) {
    return encode(first, second, Integer.MAX_VALUE);
  }

  /**
   * Encodes a pair of texts to at most {@code maxLength} tokens; tokens are left out at the end of the longer text first ("longest
   * first", as Hugging Face's default).
   */
  Encoding encode(String first, String second, int maxLength);

  /** One more than the largest id. */
  int vocabSize();

  /** The id of a token; one that is not in the vocabulary is a {@link io.github.lora4j.vector.ConfigException}. */
  int id(String token);

  /** The id of a token, if the vocabulary has it. */
  OptionalInt find(String token);

  /** The token of an id; an id that no token has is a {@link io.github.lora4j.vector.ConfigException}. */
  String token(int id);

  /** The special tokens, such as {@code [CLS]}, by id. They are recognised in text, too. */
  List<String> specialTokens();

  /** Text of the ids, special tokens left out. What normalisation took away (case, accents, spacing) does not come back. */
  default String decode(int[] ids) {
    return decode(ids, true);
  }

  /**
   * Text of the ids, special tokens left out or kept.
   *
   * @throws io.github.lora4j.vector.ConfigException if no token has an id
   */
  String decode(int[] ids, boolean skipSpecialTokens);

  /** Decodes ids one by one, special tokens left out. */
  default StreamingDecoder streaming() {
    return streaming(true);
  }

  /** Decodes ids one by one, special tokens left out or kept. */
  StreamingDecoder streaming(boolean skipSpecialTokens);
}
