package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A directory with T5's spiece.model alone: its end token and sentinels as transformers 5.18's T5Tokenizer of the same pieces has them. */
class T5PiecesTest {

  @TempDir
  private Path dir;

  private Tokenizer load(String config) throws IOException {
    try (InputStream in = Objects.requireNonNull(T5PiecesTest.class.getResourceAsStream("/t5/spiece.model"))) {
      Files.write(dir.resolve("spiece.model"), in.readAllBytes());
    }
    Files.writeString(dir.resolve("tokenizer_config.json"), config);
    return Tokenizer.load(dir);
  }

  @Test
  void encodesAsTransformers() throws IOException {
    Tokenizer tokenizer = load("{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 10}");
    Map<String, int[]> expected = Map.of("Who is there?", new int[] {3, 216, 20, 9, 102, 15, 27, 72, 1}, "  two  blanks ",
        new int[] {93, 38, 9, 3, 30, 19, 29, 35, 7, 1}, "", new int[] {1}, "fill <extra_id_0> and <extra_id_9>.",
        new int[] {31, 12, 45, 249, 33, 240, 3, 16, 1});
    expected.forEach((text, ids) -> assertArrayEquals(ids, tokenizer.encode(text).ids(), text));
    assertEquals(250, tokenizer.vocabSize());
    assertEquals("Who is there?", tokenizer.decode(tokenizer.encode("Who is there?").ids()));
    assertArrayEquals(new int[] {3, 216, 1}, tokenizer.encode("Who is there?", 3).ids(), "what is cut has its end token once");
  }

  @Test
  void aHundredSentinelsIfNothingIsSaid() throws IOException {
    Tokenizer tokenizer = load("{\"tokenizer_class\": \"T5TokenizerFast\"}");
    assertEquals(340, tokenizer.vocabSize());
    assertEquals(339, tokenizer.id("<extra_id_0>"));
    assertEquals(240, tokenizer.id("<extra_id_99>"));
    assertEquals(240, load("{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 0}").vocabSize());
    assertThrows(FormatException.class, () -> load("{\"tokenizer_class\": \"XLNetTokenizer\"}"));
  }
}
