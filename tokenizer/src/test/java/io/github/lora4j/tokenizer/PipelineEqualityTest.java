package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Components of tokenizer.json against the original in Rust, on a vocabulary of bytes, so that every character that comes through shows. */
class PipelineEqualityTest {

  private static final String[] PARTS = {" ", "  ", "\n", "\r\n", "\t", "'s", "'S", "'ll", "'\u017fx", "12345", "\u00e9", "e\u0301", "\u0301",
      "\u4f60\u597d", "\u3053\u3093", "\uc548\ub155", "\ud83d\ude00",
      "\ud83d\udc68\u200d\ud83d\udc69", "<s>", "<mask>", "\u2581", "\u00a0", "\u200b", "\ufeff",
      "\u0007", "\ufffd", "\ufb01", "\u00bd", "\u2460", "\u0130", "ABC", "Hello", " world", "a.b,c", "!!!",
      "\u0928\u092e\u0938\u094d", "\u1100\u1161\u11a8",
      "\u212b", "\u1ff7", "\ua7f2", "\u0f71\u0f72\u0f80", "\u05c1\u05bc\u0591"};

  @TempDir Path directory;

  private static final String BYTES = "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false}";

  private DjlOracle oracle(List<List<String>> merges, String normalizer, String words) throws IOException {
    ObjectNode root = TinyBpe.roberta(merges, false, true);
    root.set("normalizer", TinyVocabulary.parse(normalizer));
    root.set("pre_tokenizer", TinyVocabulary.parse("{'type':'Sequence','pretokenizers':[%s]}".formatted(words)));
    return new DjlOracle(TinyVocabulary.write(directory, root));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'type':'NFC'}", "{'type':'NFD'}", "{'type':'NFKC'}", "{'type':'NFKD'}", "{'type':'Nmt'}", "{'type':'Lowercase'}",
      "{'type':'StripAccents'}", "{'type':'Strip','strip_left':true,'strip_right':true}", "{'type':'Prepend','prepend':'xy'}",
      "{'type':'Replace','pattern':{'String':'l'},'content':'LL'}", "{'type':'Replace','pattern':{'Regex':'\\\\s+|\\\\d'},'content':''}",
      "{'type':'Sequence','normalizers':[{'type':'NFKD'},{'type':'StripAccents'}]}",
      "{'type':'BertNormalizer','clean_text':true,'handle_chinese_chars':true,'strip_accents':null,'lowercase':true}"})
  void normalizers(String normalizer) throws IOException {
    try (DjlOracle oracle = oracle(List.of(), normalizer, BYTES)) {
      randomTexts(oracle);
      assertEquals(List.of(), oracle.differentCodePoints());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'type':'Whitespace'}", "{'type':'WhitespaceSplit'}", "{'type':'Digits','individual_digits':true}",
      "{'type':'Digits','individual_digits':false}", "{'type':'Punctuation','behavior':'MergedWithNext'}",
      "{'type':'Punctuation','behavior':'Contiguous'}", "{'type':'BertPreTokenizer'}", "{'type':'UnicodeScripts'}",
      "{'type':'Metaspace','replacement':'_','prepend_scheme':'first','split':true}",
      "{'type':'Split','pattern':{'Regex':'\\\\s'},'behavior':'Removed','invert':false}",
      "{'type':'Split','pattern':{'Regex':'[a-z]+'},'behavior':'MergedWithPrevious','invert':true}",
      "{'type':'Split','pattern':{'String':' '},'behavior':'MergedWithNext','invert':false}",
      "{'type':'Split','pattern':{'Regex':'(?i:\\'s|\\'t|\\'re|\\'ve|\\'m|\\'ll|\\'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}|"
          + " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+'},'behavior':'Isolated','invert':false}",
      "{'type':'Split','pattern':{'Regex':'(?<=[a-z])[A-Z]|\\\\b\\\\w|^.|.$'},'behavior':'Isolated','invert':false}",
      "{'type':'Split','pattern':{'Regex':'[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}"
          + "\\\\p{M}]+|\\\\p{N}{1,3}|\\\\p{P}++|\\\\p{S}|\\\\s+'},'behavior':'Removed','invert':true}"})
  void words(String words) throws IOException {
    // Merges reach over all of a word and no further, so that where words end shows in the ids.
    try (DjlOracle oracle = oracle(TinyBpe.probing(), "null", words.replace("\\'", "\\u0027") + "," + BYTES)) {
      randomTexts(oracle);
      assertEquals(List.of(), oracle.differentCodePoints());
    }
  }

  /** What regular expressions name, on every code point. */
  @ParameterizedTest
  @ValueSource(strings = {"\\w+", "[\\w]", "\\d", "\\s", "[[:alpha:]]+", "[[:alnum:]]", "[[:punct:]]", "\\p{Punct}", "[[:upper:]]", "[[:lower:]]",
      "\\p{M}", "\\p{Lo}", "\\p{C}", "\\p{Cn}", "\\p{Han}", "\\p{Latin}", "(?i)k", "(?i)[a-z]", "(?i)\u03c3", "(?i)[^a-z]", "."})
  void classes(String pattern) throws IOException {
    String words = "{'type':'Split','pattern':{'Regex':'%s'},'behavior':'Isolated','invert':false}".formatted(pattern.replace("\\", "\\\\"));
    try (DjlOracle oracle = oracle(TinyBpe.probing(), "null", words + "," + BYTES)) {
      assertEquals(List.of(), oracle.differentCodePoints());
    }
  }

  private static void randomTexts(DjlOracle oracle) {
    Random random = new Random(11);
    for (int i = 0; i < 1500; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = 1 + random.nextInt(12); n > 0; n--) {
        if (random.nextInt(4) > 0) {
          text.append(PARTS[random.nextInt(PARTS.length)]);
        } else {
          int c = random.nextInt(0x20000);
          text.appendCodePoint(c >= 0xD800 && c <= 0xDFFF ? 'x' : c);
        }
      }
      oracle.same(text.toString());
    }
  }
}
