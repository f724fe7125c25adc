package io.github.lora4j.tokenizer;

import io.github.lora4j.tokenizer.internal.TokenizerFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** Turns text into token ids and back. Thread-safe. */
public interface Tokenizer {

  /**
   * Reads a tokenizer from a file, or from a directory in which files are looked for in this order:
   * <ol>
   * <li>{@code tokenizer.json}, Hugging Face's own format, with all of its components but dropout;
   * <li>{@code tokenizer.model}, {@code spiece.model}, {@code sentencepiece.bpe.model}: sentencepiece models, unigram and BPE, or Llama 3's
   * vocabulary as tiktoken has it;
   * <li>{@code vocab.txt}, the WordPiece vocabulary of the BERT family;
   * <li>{@code vocab.json} with the {@code merges.txt} beside it, of RoBERTa and GPT-2;
   * <li>{@code *.tiktoken}, vocabularies of tiktoken whose name says how texts are cut: r50k_base, p50k_base, cl100k_base, o200k_base, qwen.
   * </ol>
   * Where a file leaves settings out, those of {@code tokenizer_config.json}, {@code added_tokens.json} and {@code config.json} beside it are taken.
   *
   * <p>A file that is broken, too large, or asks for what is not there (a component of another name, a tokenizer class that cuts texts in another
   * way) is a {@link io.github.lora4j.vector.FormatException} that names the place.
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
