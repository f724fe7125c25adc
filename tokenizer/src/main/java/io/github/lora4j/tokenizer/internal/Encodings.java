package io.github.lora4j.tokenizer.internal;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** How the known tiktoken vocabularies cut texts, and their special tokens. {@code $} of their expressions is the text's end, here {@code \z}. */
enum Encodings {

  R50K("r50k_base.tiktoken", "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", Map.of("<|endoftext|>", 50256)),
  P50K("p50k_base.tiktoken", R50K.pattern, Map.of("<|endoftext|>", 50256)),
  CL100K("cl100k_base.tiktoken", "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++\\z|"
      + "\\s*[\\r\\n]|\\s+(?!\\S)|\\s", Map.of("<|endoftext|>", 100257, "<|fim_prefix|>", 100258, "<|fim_middle|>", 100259, "<|fim_suffix|>", 100260,
      "<|endofprompt|>", 100276)),
  O200K("o200k_base.tiktoken", "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
      + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
      + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      Map.of("<|endoftext|>", 199999, "<|endofprompt|>", 200018)),
  QWEN("qwen.tiktoken", "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|"
      + "\\s+", Map.of("<|endoftext|>", 151643, "<|im_start|>", 151644, "<|im_end|>", 151645)),
  LLAMA3("tokenizer.model", "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
      + "\\s+(?!\\S)|\\s+", Map.of("<|begin_of_text|>", 128000, "<|end_of_text|>", 128001, "<|start_header_id|>", 128006, "<|end_header_id|>", 128007,
      "<|eot_id|>", 128009));

  private static final int LLAMA3_TOKENS = 128_000;
  private static final int LLAMA3_SPECIAL = 256;

  private final String file;
  private final String pattern;
  private final Map<String, Integer> special;

  Encodings(String file, String pattern, Map<String, Integer> special) {
    this.file = file;
    this.pattern = pattern;
    this.special = special;
  }

  /** The vocabulary of a file with so many tokens. */
  static Optional<Encodings> of(String file, int size) {
    return Arrays.stream(values()).filter(each -> each.file.equals(file) && (each != LLAMA3 || size == LLAMA3_TOKENS)).findFirst();
  }

  static String names() {
    return Arrays.stream(values()).map(each -> each.file).collect(Collectors.joining(", ")) + " (of Llama 3)";
  }

  String pattern() {
    return pattern;
  }

  /** Special tokens by id; Llama 3's that have no use are reserved. */
  Map<Integer, String> special(int size) {
    Map<Integer, String> tokens = new TreeMap<>();
    special.forEach((token, id) -> tokens.put(id, token));
    int reserved = 0;
    for (int id = size; this == LLAMA3 && id < size + LLAMA3_SPECIAL; id++) {
      if (!tokens.containsKey(id)) {
        tokens.put(id, "<|reserved_special_token_" + reserved++ + "|>");
      }
    }
    return tokens;
  }

  /** The token that is put before a text. */
  Optional<String> first() {
    return this == LLAMA3 ? Optional.of("<|begin_of_text|>") : Optional.empty();
  }
}
