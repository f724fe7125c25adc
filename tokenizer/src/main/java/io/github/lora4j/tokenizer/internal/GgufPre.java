package io.github.lora4j.tokenizer.internal;

import io.github.lora4j.checkpoint.gguf.GgufMetadata;
import io.github.lora4j.tokenizer.internal.words.Words;
import io.github.lora4j.tokenizer.internal.words.WordsJson;
import io.github.lora4j.vector.Names;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * How texts are cut before BPE of bytes, which a GGUF file says by a name ({@code tokenizer.ggml.pre}) instead of the expressions of the model's
 * tokenizer.json. The expressions are those files'.
 *
 * @param patterns what cuts one behind another; the last ones of {@link #GPT2} are GPT-2's words
 * @param wholeWords whether a word that is a token is one, whatever the merges
 * @param begins whether a text begins with the begin token where the file does not say
 */
record GgufPre(List<String> patterns, boolean wholeWords, boolean begins) {

  private static final String GPT2 = "";
  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String BEFORE = "[^\\r\\n\\p{L}\\p{N}]?";
  private static final String SLASHES = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final GgufPre OF_GPT2 = new GgufPre(List.of(GPT2), false, false);
  private static final GgufPre OF_DIGITS = new GgufPre(List.of("\\p{N}", GPT2), false, false);
  private static final GgufPre OF_QWEN2 = new GgufPre(List.of(CONTRACTIONS + "|" + BEFORE + "\\p{L}+|\\p{N}" + REST), false, false);
  private static final String TRIPLES = CONTRACTIONS + "|" + BEFORE + "\\p{L}+|\\p{N}{1,3}" + REST;

  private static final Map<String, GgufPre> NAMED = new TreeMap<>(Map.ofEntries(
      Map.entry("gpt-2", OF_GPT2), Map.entry("phi-2", OF_GPT2), Map.entry("mpt", OF_GPT2), Map.entry("olmo", OF_GPT2), Map.entry("jais", OF_GPT2),
      Map.entry("roberta-bpe", OF_GPT2), Map.entry("modern-bert", OF_GPT2), Map.entry("jina-v1-en", OF_GPT2), Map.entry("jina-v2-code", OF_GPT2),
      Map.entry("jina-es", OF_GPT2), Map.entry("jina-de", OF_GPT2), Map.entry("trillion", OF_GPT2),
      Map.entry("starcoder", OF_DIGITS), Map.entry("refact", OF_DIGITS), Map.entry("command-r", OF_DIGITS), Map.entry("smollm", OF_DIGITS),
      Map.entry("codeshell", OF_DIGITS), Map.entry("exaone", OF_DIGITS),
      Map.entry("qwen2", OF_QWEN2), Map.entry("stablelm2", OF_QWEN2), Map.entry("hunyuan", OF_QWEN2), Map.entry("deepseek-r1-qwen", OF_QWEN2),
      Map.entry("megrez", OF_QWEN2),
      Map.entry("llama-bpe", new GgufPre(List.of(TRIPLES), true, true)), Map.entry("llama-v3", new GgufPre(List.of(TRIPLES), true, true)),
      Map.entry("llama3", new GgufPre(List.of(TRIPLES), true, true)), Map.entry("dbrx", new GgufPre(List.of(TRIPLES), false, false)),
      Map.entry("smaug-bpe", new GgufPre(List.of(TRIPLES), false, false)), Map.entry("chatglm-bpe", new GgufPre(List.of(TRIPLES), false, false)),
      Map.entry("gpt-4o", new GgufPre(List.of(BEFORE + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + BEFORE + UPPER + "+" + LOWER + "*"
          + CONTRACTIONS + "?|\\p{N}{1,3}" + SLASHES), false, false)),
      Map.entry("llama4", new GgufPre(List.of(BEFORE + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + BEFORE + UPPER + "+" + LOWER + "*"
          + CONTRACTIONS + "?|\\p{N}{1,3}" + SLASHES), false, false)),
      Map.entry("tekken", new GgufPre(List.of(BEFORE + UPPER + "*" + LOWER + "+|" + BEFORE + UPPER + "+" + LOWER + "*|\\p{N}" + SLASHES), true,
          true)),
      Map.entry("deepseek-v3", new GgufPre(List.of("\\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
          "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*"
              + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"), false, false))));

  /** What a file says; a name that is not known here is an error: guessing would cut texts as the model never saw them. */
  static GgufPre of(GgufMetadata metadata) {
    String key = GgufVocabulary.PREFIX + "pre";
    String name = metadata.optionalText(key).orElseThrow(() -> metadata.error("does not say how texts are cut (%s): the file is of an old converter, whose "
        .formatted(key) + "tokens would be wrong; convert the model anew"));
    GgufPre pre = NAMED.get(name);
    if (pre == null) {
      throw metadata.error("cuts texts as \"%s\" (%s), which is not supported; supported are: %s".formatted(Names.printable(name), key,
          String.join(", ", NAMED.keySet())));
    }
    return pre;
  }

  Words words() {
    return WordsJson.bytes(patterns.stream().filter(pattern -> !pattern.equals(GPT2)).toList(), patterns.getLast().equals(GPT2));
  }

  /** The name for what a tokenizer.json cuts by; of several the one of the model that brought it. */
  static Optional<String> name(List<String> patterns, boolean wholeWords) {
    Predicate<String> same = name -> Optional.ofNullable(NAMED.get(name)).filter(pre -> pre.patterns.equals(patterns) && pre.wholeWords == wholeWords)
        .isPresent();
    return Stream.concat(Stream.of("gpt-2", "qwen2", "llama-bpe", "starcoder", "gpt-4o", "tekken"), NAMED.keySet().stream()).filter(same).findFirst();
  }
}
