package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Byte-level BPE is equal to Hugging Face's own tokenizers. */
class ByteLevelEqualityTest {

  private static final List<String> HARD = hard();
  private static final List<List<String>> MERGES = TinyBpe.learned(400, HARD);

  @TempDir Path directory;

  private static List<String> hard() {
    List<String> texts = new ArrayList<>(DjlEqualityTest.HARD);
    texts.addAll(List.of(
        " leading", "  two spaces", "trailing ", "trailing  ", " ", "   ", "a  b   c\td \t e\n\nf\n g\r\n\r\n h", "\n", " \n", "\n ",
        "I'll you're we've 'tis '' 's 'S it'sy don'tt 'lla 'l 'v 're'", "'", "x'", "' s", "3.14 1,000 a1b2 1st\u00b2 \u2167\u0663x",
        "a\u00a0 b \u00a0c\u3000 d", "<s>a</s> <mask> b<mask>c  <mask><mask> <pad>",
        "<|endoftext|> a<|endoftext|>b", "   <mask>   ",
        "snake_case --flag=x != y; // z ...", "\u00e9 \ud83d\ude00 \ud83d\ude00\ud83d\ude00 a\u0301", "ab".repeat(300),
        " ".repeat(40) + "x"));
    return texts;
  }

  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void hardTexts(boolean prefixSpace, boolean trim) throws IOException {
    for (ObjectNode json : List.of(TinyBpe.roberta(MERGES, prefixSpace, trim), TinyBpe.gpt2(MERGES, prefixSpace, trim))) {
      try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, json))) {
        HARD.forEach(oracle::same);
        for (int i = 0; i + 1 < HARD.size(); i++) {
          oracle.samePair(HARD.get(i), HARD.get(i + 1));
        }
      }
    }
  }

  @Test
  void randomTexts() throws IOException {
    int[] codePoints = String.join("", HARD.stream().filter(t -> t.length() < 100).toList()).codePoints().toArray();
    List<ObjectNode> files = List.of(
        TinyBpe.roberta(MERGES, true, true), TinyBpe.roberta(MERGES, false, true), TinyBpe.gpt2(MERGES, false, false));
    for (ObjectNode json : files) {
      try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, json))) {
        for (int seed = 0; seed < 2000; seed++) {
          Random random = new Random(seed);
          StringBuilder text = new StringBuilder();
          for (int n = random.nextInt(40); n > 0; n--) {
            switch (random.nextInt(8)) {
              case 0 -> text.append(" \t\n'".charAt(random.nextInt(4)));
              case 1 -> text.append(oracle.ours.decode(new int[] {random.nextInt(oracle.ours.vocabSize())}).replace("\ufffd", ""));
              default -> text.appendCodePoint(codePoints[random.nextInt(codePoints.length)]);
            }
          }
          oracle.same(text.toString());
        }
      }
    }
  }

  /** Whether it is a letter, a digit, a space or a sign shows in the pieces, as each kind has merges with every byte. */
  @Test
  void everyCodePoint() throws IOException {
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, TinyBpe.gpt2(TinyBpe.probing(), false, false)))) {
      assertEquals(List.of(), oracle.differentCodePoints(c -> "a%1$s1%1$s.%1$s\n%1$s %1$s".formatted(Character.toString(c))));
    }
  }

  @Test
  void addedTokensWithFlags() throws IOException {
    for (boolean prefixSpace : new boolean[] {true, false}) {
      ObjectNode json = TinyBpe.roberta(MERGES, prefixSpace, true);
      ArrayNode added = (ArrayNode) json.get("added_tokens");
      int id = json.get("model").get("vocab").size();
      TinyVocabulary.added(added, id, "<word>", true, false, false, false, false);
      TinyVocabulary.added(added, id + 1, "<left>", false, true, false, false, true);
      TinyVocabulary.added(added, id + 2, "<right>", false, false, true, true, false);
      TinyVocabulary.added(added, id + 3, " spaced ", false, false, false, true, false);
      TinyVocabulary.added(added, id + 4, "<both>", false, true, true, false, false);
      try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, json))) {
        for (String text : List.of(
            "a<word>b", "a <word> b", "<word>", "a  <left>  b", "a  <right>  b", " <right> <left> ", "<left><right>", "a spaced  spaced b",
            " spaced ", "x <both> y", "<both>", " \n<both>\t ", "<s><left></s>", "<mask> <right> <mask>")) {
          oracle.same(text);
        }
      }
    }
  }

  @Test
  void templates() throws IOException {
    ObjectNode json = TinyBpe.roberta(MERGES, false, true);
    json.set("post_processor", TinyVocabulary.parse("""
        {'type':'TemplateProcessing',
         'single':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],
         'pair':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}},
                 {'SpecialToken':{'id':'<s>','type_id':1}},{'Sequence':{'id':'B','type_id':1}}],
         'special_tokens':{'<s>':{'id':'<s>','ids':[0],'tokens':['<s>']}}}
        """));
    ObjectNode none = TinyBpe.roberta(MERGES, true, true);
    none.putNull("post_processor");
    for (ObjectNode each : List.of(json, none)) {
      try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, each))) {
        HARD.forEach(oracle::same);
        oracle.samePair("the first", " the second");
      }
    }
  }

  /** Also of bytes that are no UTF-8. */
  @Test
  void decoding() throws IOException {
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, TinyBpe.roberta(MERGES, false, true)))) {
      for (String text : HARD) {
        assertDecodes(oracle, oracle.ours.encode(text).ids());
      }
      int[] hardBytes = {0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF};
      for (int seed = 0; seed < 3000; seed++) {
        Random random = new Random(seed);
        int[] ids = random.ints(8, 0, hardBytes.length).map(i -> oracle.ours.id(TinyBpe.character(hardBytes[i]))).toArray();
        assertDecodes(oracle, ids);
        assertDecodes(oracle, random.ints(12, 0, oracle.ours.vocabSize()).toArray());
      }
      String text = "what was, it'll \ud83d\ude00 be\n";
      assertEquals(text, oracle.ours.decode(oracle.ours.encode(text).ids()));
    }
  }

  private static void assertDecodes(DjlOracle oracle, int[] ids) {
    String expected = oracle.theirs.decode(Arrays.stream(ids).asLongStream().toArray(), true);
    assertEquals(expected, oracle.ours.decode(ids), () -> Arrays.toString(ids));
  }

  /** The same tokenizer by vocab.json and merges.txt, told by the files beside them. */
  @Test
  void vocabularyAndMergesAreTheSameTokenizer() throws IOException {
    TinyBpe.files(directory, TinyBpe.ROBERTA, MERGES);
    Files.writeString(directory.resolve("config.json"), "{\"model_type\": \"roberta\"}");
    assertSame(TinyBpe.roberta(MERGES, false, true));
    Files.writeString(directory.resolve("tokenizer_config.json"), """
        {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true, "mask_token": {"content": "<mask>", "lstrip": true},
         "added_tokens_decoder": {"4": {"content": "<mask>", "lstrip": true, "special": true}}}
        """);
    assertSame(TinyBpe.roberta(MERGES, true, true));
    TinyBpe.files(directory, TinyBpe.GPT2, MERGES);
    Files.writeString(directory.resolve("tokenizer_config.json"), """
        {"tokenizer_class": "GPT2Tokenizer", "pad_token": "<|endoftext|>"}
        """);
    assertSame(TinyBpe.gpt2(MERGES, false, false));
  }

  private void assertSame(ObjectNode json) throws IOException {
    Tokenizer expected = Tokenizer.load(TinyVocabulary.write(directory, json));
    Tokenizer got = Tokenizer.load(directory);
    assertEquals(expected.vocabSize(), got.vocabSize());
    assertEquals(expected.specialTokens(), got.specialTokens());
    for (String text : HARD) {
      Encoding one = expected.encode(text, "b " + text);
      Encoding other = got.encode(text, "b " + text);
      assertArrayEquals(one.ids(), other.ids());
      assertArrayEquals(one.starts(), other.starts());
      assertArrayEquals(one.ends(), other.ends());
      assertArrayEquals(one.typeIds(), other.typeIds());
    }
  }
}
