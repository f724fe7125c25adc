package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Equal to Hugging Face's own tokenizers, on text chosen to be hard. */
class DjlEqualityTest {

  static final List<String> HARD = List.of(
      "", " ", "\t\r\n", "Hello, the tokenized world!", "unwanted running",
      "caf\u00e9 cafe\u0301 CAF\u00c9 na\u00efve nai\u0308ve", "\u4e2d\u6587\u4e2dab\u6587c \uf900\ud840\udc00",
      "\uac00\uac01 \u1100\u1161\u11a8 \ud55c\uae00",
      "\ud83d\ude00\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67 a\ud83d\ude00b \u2764\ufe0f",
      "a\u0000b\u0001c\u007fd\u0085e\u009ff", "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg",
      "\u0130stanbul I\u0307 \u0131 i\u0307 I", "Stra\u00dfe STRASSE \u1e9e",
      "\u03a3\u03a3 \u03a3 a\u03a3 \u03c3\u03c2 \u039f\u0394\u039f\u03a3",
      "a\u00a0b\u2003c\u3000d\u202fe\u2028f\u2029g\u1680h\u180ei", "a".repeat(20), "a".repeat(21), "a".repeat(5000), "\u0301",
      "\u0301\u0302\u0303", "a\u0301\u0302\u0327b",
      "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05d0\u05d1\u05d2 \u202eabc\u202c", "\ud835\udc00\ud835\udc01 \ud835\udfd8",
      "\u0e01\u0e33 \u0915\u093e\u0916\u093f", "\ufb01 \uff21\uff22 \u2460 \u00bd \u2126 \u212b \u1e9b\u0323",
      "[CLS] [MASK] a[SEP]b [mask] [MASK][MASK] [ MASK ]", "\u2014a\u2026b\u00bfc\u3002d", "a+b=c $5 ^x` ~y |z <w>",
      "can't we've don't 'x'", "\ud834\udd65\ud834\udd6e", "\ufffda\ufffd");

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "true, true, , true", "true, true, , false", "true, true, false, true", "true, true, true, false", "true, false, , true",
    "false, true, , true", "false, false, false, false"})
  void hardTexts(boolean clean, boolean chinese, Boolean strip, boolean lowercase) throws IOException {
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, TinyVocabulary.json(clean, chinese, strip, lowercase)))) {
      HARD.forEach(oracle::same);
      for (int i = 0; i + 1 < HARD.size(); i++) {
        oracle.samePair(HARD.get(i), HARD.get(i + 1));
      }
    }
  }

  @Test
  void randomTexts() throws IOException {
    String alphabet = String.join("", HARD.stream().filter(t -> t.length() < 100).toList()) + String.join("", TinyVocabulary.tokens());
    int[] codePoints = alphabet.codePoints().toArray();
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, TinyVocabulary.json(true, true, null, true)))) {
      for (int seed = 0; seed < 3000; seed++) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(40); n > 0; n--) {
          text.appendCodePoint(codePoints[random.nextInt(codePoints.length)]);
        }
        oracle.same(text.toString());
      }
    }
  }

  /** Between letters and alone, every code point; the vocabulary has all pieces that decomposition and lower-casing lead to. */
  @Test
  void everyCodePoint() throws IOException {
    ObjectNode json = TinyVocabulary.json(true, true, null, true);
    ObjectNode vocab = (ObjectNode) json.get("model").get("vocab");
    for (int c = 128; c <= Character.MAX_CODE_POINT; c++) {
      String text = Character.toString(c);
      String mapped = Normalizer.normalize(text, Normalizer.Form.NFD).toLowerCase(Locale.ROOT);
      if (!mapped.equals(text) && (c < 0xAC00 || c > 0xDFFF)) {
        (text + mapped).codePoints().mapToObj(Character::toString).forEach(m -> {
          if (!vocab.has("##" + m)) {
            vocab.put("##" + m, vocab.size());
          }
        });
      }
    }
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, json))) {
      assertEquals(List.of(), oracle.differentCodePoints());
    }
  }

  /** Java strings may hold them; theirs replaces each by three U+FFFD and loses the emoji beside it. */
  @Test
  void unpairedSurrogatesAreReplacementCharacters() throws IOException {
    for (boolean clean : new boolean[] {true, false}) {
      try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, TinyVocabulary.json(clean, true, null, true)))) {
        for (String text : List.of("a\ud800b", "\udc00", "a\udc00\ud800b", "\ud83d\ude00\ud800", "a\ud83d b")) {
          String replaced = new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
          assertFalse(replaced.equals(text));
          assertArrayEquals(oracle.ours.encode(replaced).ids(), oracle.ours.encode(text).ids(), DjlOracle.show(text));
          oracle.same(replaced);
        }
      }
    }
  }

  @Test
  void truncation() throws IOException {
    Path file = TinyVocabulary.write(directory, TinyVocabulary.json(true, true, null, true));
    Tokenizer ours = Tokenizer.load(file);
    String[] texts = {"", "a", "a b c", "a b c d e f g", "the token unwanted a b c d e f g h i j"};
    for (int max = 4; max < 24; max++) {
      try (HuggingFaceTokenizer theirs = HuggingFaceTokenizer.builder(Map.of("maxLength", String.valueOf(max)))
          .optTokenizerPath(file).optTruncation(true).optMaxLength(max).optPadding(false).build()) {
        for (String first : texts) {
          DjlOracle.compare(first, theirs.encode(first), ours.encode(first, max), first + " to " + max);
          assertEquals(ours.encode(first).length() > max, ours.encode(first, max).truncated());
          for (String second : texts) {
            String what = first + " | " + second + " to " + max;
            Encoding got = ours.encode(first, second, max);
            assertEquals(Arrays.toString(theirs.encode(first, second).getIds()), Arrays.toString(got.ids()), what);
            assertEquals(ours.encode(first, second).length() > max, got.truncated(), what);
          }
        }
      }
    }
  }

  @Test
  void addedTokensWithFlags() throws IOException {
    ObjectNode json = TinyVocabulary.json(true, true, null, true);
    ArrayNode added = (ArrayNode) json.get("added_tokens");
    int id = TinyVocabulary.tokens().size();
    TinyVocabulary.added(added, id, "<word>", true, false, false, false, false);
    TinyVocabulary.added(added, id + 1, "<left>", false, true, false, false, true);
    TinyVocabulary.added(added, id + 2, "<right>", false, false, true, false, false);
    TinyVocabulary.added(added, id + 3, "Caf\u00c9Bar", false, false, false, true, false);
    TinyVocabulary.added(added, id + 4, "<left><right>", false, false, false, false, false);
    TinyVocabulary.added(added, id + 5, "ab", true, true, true, true, false);
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, json))) {
      assertEquals(id + 6, oracle.ours.vocabSize());
      for (String text : List.of(
          "a<word>b", "a <word> b", "<word>", "<word><word>", "\u00e9<word>", "-<word>-", "a  <left>  b", "a  <right>  b",
          " <right> <left> ", "<left><right>", "<right><left>", "x cafebar caf\u00e9bar CAFEBAR cafe bar", "a ab b", "abc ab-ab  ab",
          "AB \u00e1b", "<left", "[CLS]<left>[SEP]")) {
        oracle.same(text);
      }
    }
  }

  @Test
  void decoding() throws IOException {
    try (DjlOracle oracle = new DjlOracle(TinyVocabulary.write(directory, TinyVocabulary.json(true, true, null, true)))) {
      for (String text : HARD) {
        int[] ids = oracle.ours.encode(text).ids();
        String expected = oracle.theirs.decode(Arrays.stream(ids).asLongStream().toArray(), true);
        assertEquals(expected, oracle.ours.decode(ids), DjlOracle.show(text));
      }
      assertTrue(oracle.ours.decode(oracle.ours.encode("the tokenizing can't.").ids()).startsWith("the tokenizing can"));
    }
  }
}
