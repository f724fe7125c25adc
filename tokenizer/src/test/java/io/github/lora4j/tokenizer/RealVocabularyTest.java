package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** all-MiniLM-L6-v2's tokenizer, 30,522 tokens, as it lies in its Maven artifact. */
class RealVocabularyTest {

  @TempDir static Path directory;

  private static Path file;

  @BeforeAll
  static void extract() throws IOException {
    file = directory.resolve("tokenizer.json");
    try (InputStream in = RealVocabularyTest.class.getResourceAsStream("/all-minilm-l6-v2-tokenizer.json")) {
      Files.copy(in, file);
    }
  }

  @Test
  void hardTextsAndRandomTokens() throws IOException {
    try (DjlOracle oracle = new DjlOracle(file)) {
      DjlEqualityTest.HARD.forEach(oracle::same);
      Random random = new Random(3);
      for (int i = 0; i < 2000; i++) {
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(30); n > 0; n--) {
          String token = oracle.ours.token(random.nextInt(oracle.ours.vocabSize()));
          text.append(random.nextInt(4) > 0 ? " " : "").append(random.nextInt(3) > 0 ? token.replace("##", "") : token);
        }
        oracle.same(text.toString());
      }
    }
  }

  @Test
  void everyCodePoint() throws IOException {
    try (DjlOracle oracle = new DjlOracle(file)) {
      assertEquals(List.of(), oracle.differentCodePoints());
    }
  }

  /** The file asks for truncation to 128 and padding to 128; neither is followed. */
  @Test
  void nothingIsCutOrPaddedUnasked() {
    Tokenizer tokenizer = Tokenizer.load(file);
    assertEquals(502, tokenizer.encode("word ".repeat(500)).length());
    assertArrayEquals(new int[] {101, 7592, 102}, tokenizer.encode("Hello").ids());
  }

  @Test
  void vocabTxtIsTheSameTokenizer() throws IOException {
    JsonNode vocab = new ObjectMapper().readTree(file.toFile()).get("model").get("vocab");
    String[] lines = new String[vocab.size()];
    vocab.fieldNames().forEachRemaining(token -> lines[vocab.get(token).asInt()] = token);
    Path txt = Files.createDirectory(directory.resolve("txt"));
    Files.write(txt.resolve("vocab.txt"), List.of(lines));
    Tokenizer expected = Tokenizer.load(file);
    Tokenizer got = Tokenizer.load(txt);
    assertEquals(expected.vocabSize(), got.vocabSize());
    assertEquals(expected.specialTokens(), got.specialTokens());
    for (String text : DjlEqualityTest.HARD) {
      assertArrayEquals(expected.encode(text, text).ids(), got.encode(text, text).ids());
      assertArrayEquals(expected.encode(text, text).typeIds(), got.encode(text, text).typeIds());
    }
  }
}
