package io.github.lora4j.models.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BrokenTokenizerTest {

  private static final String VOCAB = String.join("\n", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "Hello", "##s", "@");

  @TempDir Path directory;

  @Test
  void whatIsNotSupportedIsNamed() throws IOException {
    refused(json -> ((ObjectNode) json.get("model")).put("type", "BPE"), "/model", "BPE", "WordPiece");
    refused(json -> ((ObjectNode) json.get("normalizer")).put("type", "NFC"), "/normalizer", "NFC", "BertNormalizer");
    refused(json -> ((ObjectNode) json.get("pre_tokenizer")).put("type", "ByteLevel"), "/pre_tokenizer", "ByteLevel", "BertPreTokenizer");
    refused(json -> ((ObjectNode) json.get("post_processor")).put("type", "ByteLevel"), "/post_processor", "TemplateProcessing");
    refused(json -> ((ObjectNode) json.get("decoder")).put("type", "BPEDecoder"), "/decoder", "WordPiece");
    refused(json -> json.remove("model"), "model");
    refused(json -> ((ObjectNode) json.get("model")).put("unk_token", "<unk>"), "/model", "<unk>");
    refused(json -> ((ObjectNode) json.get("model").get("vocab")).put("the", -1), "/model/vocab/the", "-1");
    refused(json -> ((ObjectNode) json.get("model").get("vocab")).put("the", 7), "/model/vocab", "clashes");
    refused(json -> ((ObjectNode) json.get("added_tokens").get(2)).put("id", 4), "/added_tokens/2", "[CLS]");
    refused(json -> ((ObjectNode) json.get("post_processor")).remove("pair"), "/post_processor", "pair");
  }

  @Test
  void filesAreLookedFor() throws IOException {
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), "tokenizer.json", "vocab.txt");
    Path other = Files.writeString(directory.resolve("tokenizer.model"), "x");
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(other)), "tokenizer.model", "vocab.txt");
    Path missing = directory.resolve("tokenizer.json");
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(missing)), "no such file");
  }

  @Test
  void vocabTxtFollowsTheConfigBesideIt() throws IOException {
    Files.writeString(directory.resolve("vocab.txt"), VOCAB + "\n");
    assertArrayEquals(new int[] {2, 5, 7, 3}, Tokenizer.load(directory).encode("Hellos").ids());
    Files.writeString(directory.resolve("tokenizer_config.json"), "{\"do_lower_case\": false, \"mask_token\": {\"content\": \"@\"}}");
    Tokenizer cased = Tokenizer.load(directory);
    assertArrayEquals(new int[] {2, 6, 7, 3}, cased.encode("Hellos").ids());
    assertEquals(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "@"), cased.specialTokens());
    Files.writeString(directory.resolve("tokenizer_config.json"), "{\"cls_token\": \"<s>\"}");
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), "vocab.txt", "cls_token", "<s>");
    Files.writeString(directory.resolve("tokenizer_config.json"), "{}");
    Files.writeString(directory.resolve("vocab.txt"), VOCAB + "\nhello\n");
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), "line 10", "hello");
    Files.write(directory.resolve("vocab.txt"), new byte[] {(byte) 0xFF});
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), "UTF-8");
  }

  @Test
  void wrongArgumentsAreNamed() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(TinyVocabulary.write(directory, TinyVocabulary.json(true, true, null, true)));
    assertMessage(assertThrows(ConfigException.class, () -> tokenizer.encode("a", 1)), "1", "2 special tokens");
    assertMessage(assertThrows(ConfigException.class, () -> tokenizer.encode("a", "b", 2)), "3 special tokens");
    assertMessage(assertThrows(ConfigException.class, () -> tokenizer.id("nothing")), "nothing");
    assertMessage(assertThrows(ConfigException.class, () -> tokenizer.token(tokenizer.vocabSize())), "vocabulary");
    assertEquals(2, tokenizer.id("[CLS]"));
    assertEquals("[CLS]", tokenizer.token(2));
  }

  /** A damaged file reads or is refused with a FormatException. */
  @Test
  void damagedFiles() throws IOException {
    byte[] valid = Files.readAllBytes(TinyVocabulary.write(directory, TinyVocabulary.json(true, true, null, true)));
    Path file = directory.resolve("damaged.json");
    int refused = 0;
    for (int seed = 0; seed < 1000; seed++) {
      Random random = new Random(seed);
      byte[] damaged = seed % 4 == 0 ? Arrays.copyOf(valid, random.nextInt(valid.length)) : valid.clone();
      for (int n = seed % 4; n > 0; n--) {
        damaged[random.nextInt(damaged.length)] = (byte) (random.nextInt(96) + 32);
      }
      Files.write(file, damaged);
      try {
        Tokenizer.load(file).encode("the unwanted token", "\u00e9", 12);
      } catch (FormatException e) {
        refused++;
        assertMessage(e, "damaged.json");
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + e, e);
      }
    }
    assertTrue(refused > 250, "only " + refused + " were refused");
  }

  private void refused(Consumer<ObjectNode> change, String... expected) throws IOException {
    ObjectNode json = TinyVocabulary.json(true, true, null, true);
    change.accept(json);
    Path file = TinyVocabulary.write(directory, json);
    FormatException e = assertThrows(FormatException.class, () -> Tokenizer.load(file));
    assertMessage(e, file.toString());
    assertMessage(e, expected);
  }

  private static void assertMessage(Throwable e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> "'" + part + "' expected in: " + e.getMessage());
    }
  }
}
