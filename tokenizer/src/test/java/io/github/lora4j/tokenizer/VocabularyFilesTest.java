package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** sentencepiece models and tiktoken vocabularies, made here byte by byte, whole and broken. */
class VocabularyFilesTest {

  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER = 4;
  private static final int BYTE = 6;

  @TempDir Path directory;

  private static void field(ByteArrayOutputStream out, int number, byte[] value) {
    out.write(number << 3 | 2);
    out.write(value.length & 0x7F | 0x80);
    out.write(value.length >> 7);
    out.writeBytes(value);
  }

  private static byte[] piece(String text, float score, int type) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    field(out, 1, text.getBytes(StandardCharsets.UTF_8));
    out.write(2 << 3 | 5);
    out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(score).array());
    out.write(3 << 3);
    out.write(type);
    return out.toByteArray();
  }

  /** A model of kind 1 (unigram) or 2 (BPE) with bytes, and without a character map. */
  private static byte[] model(int kind) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    field(out, 1, piece("<unk>", 0, UNKNOWN));
    field(out, 1, piece("<s>", 0, CONTROL));
    field(out, 1, piece("</s>", 0, CONTROL));
    field(out, 1, piece("<sep>", 0, USER));
    String[] pieces = {"\u2581a", "ab", "\u2581", "a", "b", "c", "<", "s", ">"};
    for (int i = 0; i < pieces.length; i++) {
      field(out, 1, piece(pieces[i], -1 - i, NORMAL));
    }
    for (int b = 0; b < 256; b++) {
      field(out, 1, piece("<0x%02X>".formatted(b), 0, BYTE));
    }
    field(out, 2, new byte[] {3 << 3, (byte) kind});
    field(out, 3, new byte[] {4 << 3, 0});
    return out.toByteArray();
  }

  private List<String> tokens(Tokenizer tokenizer, Encoding encoding) {
    return Arrays.stream(encoding.ids()).mapToObj(tokenizer::token).toList();
  }

  @Test
  void sentencePiece() throws IOException {
    for (int kind : new int[] {1, 2}) {
      Path file = Files.write(directory.resolve("tokenizer.model"), model(kind));
      Tokenizer tokenizer = Tokenizer.load(file);
      // The pair of the highest score is merged first; the unigram model looks at the sum.
      assertEquals(kind == 1 ? List.of("\u2581", "ab", "c") : List.of("\u2581a", "b", "c"), tokens(tokenizer, tokenizer.encodePlain("abc")));
      assertEquals(List.of("\u2581", "c", "ab", "<sep>", "ab"), tokens(tokenizer, tokenizer.encodePlain("cab<sep>ab")));
      assertEquals(List.of("\u2581", "<0xC3>", "<0xA9>"), tokens(tokenizer, tokenizer.encodePlain("\u00e9")));
      assertEquals(List.of("\u2581", "<", "s", ">"), tokens(tokenizer, tokenizer.encodePlain("<s>")));
      assertEquals(List.of("<s>", "\u2581a"), tokens(tokenizer, tokenizer.encode("<s>a", false)));
      Encoding encoding = tokenizer.encode("b\u00e9 a");
      assertEquals(List.of("\u2581", "b", "<0xC3>", "<0xA9>", "\u2581a"), tokens(tokenizer, encoding));
      assertArrayEquals(new int[] {0, 0, 1, 1, 2}, encoding.starts());
      assertArrayEquals(new int[] {1, 1, 2, 2, 4}, encoding.ends());
      assertEquals("b\u00e9 a", tokenizer.decode(encoding.ids()));
      Files.writeString(directory.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"LlamaTokenizer\"}");
      assertEquals(List.of("<s>", "\u2581a"), tokens(Tokenizer.load(directory), Tokenizer.load(directory).encode("a")));
      Files.writeString(directory.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"T5Tokenizer\"}");
      assertEquals(List.of("\u2581a", "</s>"), tokens(Tokenizer.load(directory), Tokenizer.load(directory).encode("a")));
      Files.writeString(directory.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}");
      assertTrue(assertThrows(FormatException.class, () -> Tokenizer.load(directory)).getMessage().contains("XLMRobertaTokenizer"));
      Files.delete(directory.resolve("tokenizer_config.json"));
    }
  }

  /** Whatever bytes are there, it is a model or an error that names the file. */
  @Test
  void brokenModelsAreNamed() throws IOException {
    byte[] whole = model(2);
    Random random = new Random(9);
    Path file = directory.resolve("broken.model");
    for (int i = 0; i < 2000; i++) {
      byte[] bytes = i < whole.length / 8 ? Arrays.copyOf(whole, i * 8) : whole.clone();
      for (int n = i < whole.length / 8 ? 0 : 1 + random.nextInt(4); n > 0; n--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      Files.write(file, bytes);
      try {
        Tokenizer.load(file).encode("abc<s> \u00e9");
      } catch (FormatException e) {
        assertTrue(e.getMessage().contains("broken.model"), e.getMessage());
      }
    }
  }

  private static String line(byte[] token, int rank) {
    return Base64.getEncoder().encodeToString(token) + " " + rank + "\n";
  }

  /** The same vocabulary as tokenizer.json with merges, and as tiktoken has it with ranks alone. */
  @Test
  void tiktoken() throws IOException {
    List<String> texts = DjlEqualityTest.HARD.stream().filter(text -> text.length() < 300).toList();
    List<List<String>> merges = TinyBpe.learned(80, texts);
    ObjectNode json = TinyBpe.gpt2(merges, false, false);
    List<String> tokens = TinyBpe.tokens(List.of(), merges);
    StringBuilder file = new StringBuilder();
    for (int i = 0; i < tokens.size(); i++) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (char c : tokens.get(i).toCharArray()) {
        for (int b = 0; b < 256; b++) {
          if (TinyBpe.character(b).charAt(0) == c) {
            bytes.write(b);
          }
        }
      }
      file.append(line(bytes.toByteArray(), i));
    }
    Tokenizer expected = Tokenizer.load(TinyVocabulary.write(directory, json));
    Path path = Files.writeString(directory.resolve("r50k_base.tiktoken"), file);
    Tokenizer got = Tokenizer.load(path);
    assertEquals(50256, got.id("<|endoftext|>"));
    for (String text : texts) {
      assertEquals(tokens(expected, expected.encodePlain(text)), tokens(got, got.encodePlain(text)), text);
      assertArrayEquals(expected.encodePlain(text).starts(), got.encodePlain(text).starts());
    }
    Path other = Files.writeString(directory.resolve("my.tiktoken"), file);
    String message = assertThrows(FormatException.class, () -> Tokenizer.load(other)).getMessage();
    assertTrue(message.contains("my.tiktoken") && message.contains("cl100k_base"), message);
    for (String bad : new String[] {"YQ== 0 1\n", "YQ==\n", "?? 0\n", "YQ== 99999999\n", "YQ== 0\nYQ== 1\n", "YQ== 0\nYg== 0\n"}) {
      Files.writeString(path, bad);
      assertTrue(assertThrows(FormatException.class, () -> Tokenizer.load(path)).getMessage().contains("line"), bad);
    }
  }

  /** Texts that are hard to take: a word of a megabyte, unpaired surrogates, zeros. */
  @Test
  void hardTexts() throws IOException {
    Tokenizer bpe = Tokenizer.load(TinyVocabulary.write(directory, TinyBpe.gpt2(TinyBpe.learned(80, DjlEqualityTest.HARD), false, true)));
    Tokenizer spm = Tokenizer.load(Files.write(directory.resolve("tokenizer.model"), model(1)));
    String word = "ab".repeat(500_000);
    assertEquals(word, bpe.decode(bpe.encode(word).ids()));
    assertEquals(word, spm.decode(spm.encode(word).ids()));
    assertEquals("\ufffda\u0000\ufffd", bpe.decode(bpe.encode("\ud800a\u0000\udc00").ids()));
    assertEquals("\ufffda\u0000\ufffd", spm.decode(spm.encode("\ud800a\u0000\udc00").ids()));
    assertEquals(0, bpe.encode("").length());
    assertEquals(0, spm.encode("").length());
  }
}
