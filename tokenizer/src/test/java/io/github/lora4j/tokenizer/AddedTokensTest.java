package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens beside a vocab.txt, and what tokenizer class it is for. */
class AddedTokensTest {

  @TempDir Path directory;

  private void vocabulary() throws IOException {
    Files.writeString(directory.resolve("vocab.txt"), String.join("\n", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "[", "]", "e",
        "##1", "/", "##e"));
  }

  private Tokenizer load() {
    return Tokenizer.load(directory);
  }

  /** As BertTokenizer of transformers reads them: what the settings say of additional special tokens too. */
  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"additional_special_tokens\": [\"[E1]\", \"[/E1]\"]}", "{\"tokenizer_class\": \"BertTokenizerFast\"}"})
  void addedTokensJsonGivesOneIdEach(String config) throws IOException {
    vocabulary();
    Files.writeString(directory.resolve("added_tokens.json"), "{\"[E1]\": 13, \"[/E1]\": 14}");
    Files.writeString(directory.resolve("tokenizer_config.json"), config);
    assertArrayEquals(new int[] {2, 5, 13, 6, 14, 3}, load().encode("the [E1] film [/E1]").ids());
    assertEquals(config.contains("additional"), load().specialTokens().contains("[E1]"));
  }

  @Test
  void addedTokensDecoderGivesOneIdEachByItsFlags() throws IOException {
    vocabulary();
    Files.writeString(directory.resolve("tokenizer_config.json"), """
        {"tokenizer_class": "BertTokenizer", "added_tokens_decoder": {
          "2": {"content": "[CLS]", "special": true, "normalized": false, "lstrip": false, "rstrip": false, "single_word": false},
          "13": {"content": "[E1]", "special": true, "normalized": false, "lstrip": false, "rstrip": false, "single_word": false},
          "14": {"content": "[/E1]", "special": false, "normalized": true, "lstrip": false, "rstrip": false, "single_word": false}}}""");
    assertArrayEquals(new int[] {2, 5, 13, 6, 14, 3}, load().encode("the [E1] film [/E1]").ids());
    // Not normalised: only as it is written. Normalised: whatever its case.
    assertArrayEquals(new int[] {2, 7, 9, 10, 8, 14, 3}, load().encode("[e1] [/e1]").ids());
    assertEquals(15, load().vocabSize());
  }

  @Test
  void idsThatClashAreRefused() throws IOException {
    vocabulary();
    Files.writeString(directory.resolve("added_tokens.json"), "{\"[E1]\": 5}");
    String message = assertThrows(FormatException.class, this::load).getMessage();
    assertTrue(message.contains("added_tokens.json") && message.contains("[E1]") && message.contains("5"), message);
    Files.writeString(directory.resolve("added_tokens.json"), "[1]");
    assertTrue(assertThrows(FormatException.class, this::load).getMessage().contains("added_tokens.json"));
  }

  /** Other words and pieces were trained with these weights. */
  @ParameterizedTest
  @CsvSource({"tokenizer_config.json, BertJapaneseTokenizer", "config.json, BertJapaneseTokenizer", "tokenizer_config.json, MPNetTokenizer",
      "tokenizer_config.json, BertweetTokenizer"})
  void anotherClassIsRefusedByName(String file, String name) throws IOException {
    vocabulary();
    Files.writeString(directory.resolve(file), "{\"model_type\": \"bert\", \"tokenizer_class\": \"%s\"}".formatted(name));
    String message = assertThrows(FormatException.class, this::load).getMessage();
    assertTrue(message.contains(file) && message.contains("tokenizer_class") && message.contains(name), message);
  }

  /** A class that transformers has in Python alone does not read tokenizer.json, whatever lies there. */
  @ParameterizedTest
  @ValueSource(strings = {"BertJapaneseTokenizer", "GPTNeoXJapaneseTokenizer", "BlenderbotSmallTokenizer", "CpmTokenizer", "SiglipTokenizer"})
  void aClassWithoutTokenizerJsonIsRefusedWhereThereIsOne(String name) throws IOException {
    vocabulary();
    Files.writeString(directory.resolve("tokenizer.json"), "{}");
    Files.writeString(directory.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"%s\"}".formatted(name));
    String message = assertThrows(FormatException.class, this::load).getMessage();
    assertTrue(message.contains(name + ", which does not read tokenizer.json"), message);
  }

  /** transformers reads the tokenizer.json of a class that it does not know any more; the empty one here is broken in another way. */
  @ParameterizedTest
  @ValueSource(strings = {"ErnieMTokenizer", "XLMProphetNetTokenizer", "PreTrainedTokenizerFast"})
  void aClassThatTransformersDoesNotKnowReadsTokenizerJson(String name) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), "{}");
    Files.writeString(directory.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"%s\"}".formatted(name));
    String message = assertThrows(FormatException.class, this::load).getMessage();
    assertTrue(message.contains("tokenizer.json") && !message.contains("does not read"), message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"do_basic_tokenize\": false", "\"never_split\": [\"film\"]", "\"word_tokenizer_type\": \"mecab\""})
  void settingsThatSplitOtherwiseAreRefused(String setting) throws IOException {
    vocabulary();
    Files.writeString(directory.resolve("tokenizer_config.json"), "{%s}".formatted(setting));
    String message = assertThrows(FormatException.class, this::load).getMessage();
    assertTrue(message.contains(setting.substring(1, setting.indexOf('"', 1))), message);
  }

  /** Twenty thousand long tokens with one beginning, in a text of that beginning. */
  @Test
  void manyLongTokensTakeNoTime() throws IOException {
    vocabulary();
    StringBuilder added = new StringBuilder("{");
    String start = "a".repeat(40);
    for (int i = 0; i < 20_000; i++) {
      added.append(i == 0 ? "" : ",").append("\"%s%05d\": %d".formatted(start, i, 13 + i));
    }
    Files.writeString(directory.resolve("added_tokens.json"), added.append("}"));
    Tokenizer tokenizer = load();
    String text = ("a".repeat(100) + " ").repeat(200);
    assertTimeout(Duration.ofSeconds(5), () -> tokenizer.encode(text + start + "00017"));
    int[] ids = tokenizer.encode(text + start + "00017").ids();
    assertEquals(13 + 17, ids[ids.length - 2]);
  }

  /** The longest token that begins at a place, though a shorter one and one that goes on otherwise lie between. */
  @Test
  void theLongestOfTokensThatBeginAlikeIsFound() throws IOException {
    vocabulary();
    Files.writeString(directory.resolve("added_tokens.json"), "{\"<a\": 13, \"<a>\": 14, \"<a>b\": 15, \"<a>bcd\": 16, \"<a>c\": 17, \"<\": 18}");
    assertArrayEquals(new int[] {2, 16, 15, 17, 14, 13, 18, 13, 3}, load().encode("<a>bcd<a>b<a>c<a><a<<a").ids());
  }
}
