package io.github.lora4j.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
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

  private static final List<List<String>> MERGES = List.of(List.of("a", "b"), List.of("ab", "c"), List.of(TinyBpe.character(' '), "t"));

  @TempDir Path directory;

  @Test
  void whatIsNotSupportedIsNamed() throws IOException {
    refused(json -> ((ObjectNode) json.get("model")).put("type", "CharBigram"), "/model", "CharBigram", "WordPiece, BPE, Unigram, WordLevel");
    refused(json -> ((ObjectNode) json.get("normalizer")).put("type", "Transliterate"), "/normalizer", "Transliterate", "BertNormalizer");
    refused(json -> ((ObjectNode) json.get("pre_tokenizer")).put("type", "Jieba"), "/pre_tokenizer", "Jieba", "BertPreTokenizer");
    refused(json -> ((ObjectNode) json.get("post_processor")).put("type", "Reverse"), "/post_processor", "Reverse", "TemplateProcessing");
    refused(json -> ((ObjectNode) json.get("decoder")).put("type", "Rot13"), "/decoder", "Rot13", "WordPiece");
    refused(json -> json.remove("model"), "model");
    refused(json -> ((ObjectNode) json.get("model")).put("unk_token", "<unk>"), "/model", "<unk>");
    refused(json -> ((ObjectNode) json.get("model").get("vocab")).put("the", -1), "/model/vocab/the", "-1");
    refused(json -> ((ObjectNode) json.get("model").get("vocab")).put("the", 7), "/model/vocab", "clashes");
    refused(json -> ((ObjectNode) json.get("added_tokens").get(2)).put("id", 4), "/added_tokens/2", "[CLS]");
    refused(json -> ((ObjectNode) json.get("post_processor")).remove("pair"), "/post_processor", "pair");
  }

  @Test
  void wrongPartsOfBpeAreNamed() throws IOException {
    refusedBpe(json -> model(json).put("unk_token", "<other>"), "/model", "unk_token <other>");
    refusedBpe(json -> model(json).put("dropout", 0.1), "/model", "dropout 0.1");
    refusedBpe(json -> ((ObjectNode) json.get("pre_tokenizer")).put("type", "Sequence"), "/pre_tokenizer", "no pretokenizers");
    refusedBpe(json -> ((ObjectNode) json.get("pre_tokenizer")).remove("add_prefix_space"), "/pre_tokenizer", "add_prefix_space");
    refusedBpe(json -> ((ObjectNode) json.get("post_processor")).put("type", "Sequence"), "/post_processor", "no processors");
    refusedBpe(json -> ((ObjectNode) json.get("post_processor")).remove("trim_offsets"), "/post_processor", "trim_offsets");
    refusedBpe(
        json -> ((ObjectNode) json.get("post_processor")).putArray("cls").add("<s>").add(9999), "/post_processor/cls/1", "9999");
    refusedBpe(json -> ((ObjectNode) json.get("decoder")).put("type", "Sequence"), "/decoder", "no decoders");
  }

  @Test
  void brokenMergesAreNamed() throws IOException {
    refusedBpe(json -> model(json).remove("merges"), "/model", "merges");
    refusedBpe(json -> model(json).withArray("merges").add("a b c"), "/model/merges/3", "two tokens", "a b c");
    refusedBpe(json -> model(json).withArray("merges").addArray().add("a"), "/model/merges/3", "two tokens");
    refusedBpe(json -> model(json).withArray("merges").add("xy z"), "/model/vocab", "'xy'", "/model/merges/3");
    refusedBpe(json -> model(json).withArray("merges").add("x y"), "/model/vocab", "'xy'", "'x y'", "/model/merges/3");
    refusedBpe(json -> ((ObjectNode) model(json).get("vocab")).remove("b"), "/model/vocab", "'b'", "'a b'");
    refusedBpe(json -> ((ObjectNode) model(json).get("vocab")).remove("z"), "/model/vocab", "'z'", "byte 122");
    refusedBpe(json -> ((ObjectNode) model(json).get("vocab")).put("ab", 7), "/model/vocab", "ab", "7", "clashes");
    refusedBpe(json -> ((ObjectNode) json.get("added_tokens").get(2)).put("id", 4), "/added_tokens/2", "</s>");
  }

  @Test
  void vocabularyWithMergesIsCheckedLineByLine() throws IOException {
    refusedFiles("{}", "#version: 0.2\n", "vocab.json", "tokenizer_class", "model_type");
    refusedFiles("{'tokenizer_class': 'CLIPTokenizer'}", "#version: 0.2\n", "vocab.json", "CLIPTokenizer");
    refusedFiles("{'tokenizer_class': 'GPT2Tokenizer'}", "#version: 0.2\n", "vocab.json", "bos_token", "<|endoftext|>");
    refusedFiles("{'tokenizer_class': 'RobertaTokenizer', 'sep_token': '<sep>'}", "#version: 0.2\n", "vocab.json", "sep_token", "<sep>");
    refusedFiles("{'tokenizer_class': 'RobertaTokenizer', 'added_tokens_decoder': {'x': {'content': 'x'}}}", "#version: 0.2\n",
        "tokenizer_config.json", "/added_tokens_decoder", "'x'");
    refusedFiles("{'tokenizer_class': 'RobertaTokenizer', 'added_tokens_decoder': {'4': {'content': '<pad>'}}}", "#version: 0.2\n",
        "tokenizer_config.json", "/added_tokens_decoder/4", "<pad>", "clashes");
    String roberta = "{'tokenizer_class': 'RobertaTokenizer'}";
    refusedFiles(roberta, "", "merges.txt", "line 1", "#version: 0.2");
    refusedFiles(roberta, "#version: 1.0\na b\n", "merges.txt", "line 1", "#version: 0.2", "#version: 1.0");
    refusedFiles(roberta, "a b\nab c\n", "merges.txt", "line 1", "'a b'");
    refusedFiles(roberta, "#version: 0.2\na b\nab\n", "merges.txt", "line 3", "'ab'");
    refusedFiles(roberta, "#version: 0.2\na b\n\nab c\n", "merges.txt", "line 3");
    refusedFiles(roberta, "#version: 0.2\na b\nx y\n", "vocab.json", "'xy'", "merges.txt, line 3");
    Files.writeString(directory.resolve("added_tokens.json"), "{'<new>': 262}".replace('\'', '"'));
    refusedFiles(roberta, "#version: 0.2\na b\n", "added_tokens.json", "added_tokens_decoder");
    Files.delete(directory.resolve("merges.txt"));
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), "merges.txt", "no such file");
  }

  @Test
  void filesAreLookedFor() throws IOException {
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), "tokenizer.json", "vocab.txt",
        "vocab.json with merges.txt");
    Path other = Files.writeString(directory.resolve("tokenizer.bin"), "x");
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(other)), "tokenizer.bin", "vocab.txt");
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
    damaged(TinyVocabulary.json(true, true, null, true));
    damaged(TinyBpe.roberta(MERGES, true, true));
  }

  /** Parts that are put where others belong, left out, or nested: refused by name, or a tokenizer that encodes, in little time. */
  @Test
  void rearrangedFiles() throws IOException {
    for (ObjectNode json : List.of(TinyVocabulary.json(true, true, null, true), TinyBpe.roberta(MERGES, true, true))) {
      int refused = 0;
      int times = Integer.getInteger("fuzz.tokenizers", 1000);
      Random random = new Random(Long.getLong("fuzz.seed", 5));
      for (int i = 0; i < times; i++) {
        ObjectNode changed = json.deepCopy();
        for (int n = random.nextInt(3); n >= 0; n--) {
          rearrange(changed, random);
        }
        Path file = TinyVocabulary.write(directory, changed);
        try {
          Tokenizer tokenizer = Tokenizer.load(file);
          int[] ids = tokenizer.encode("the unwanted token, \u00e9 \uD83D\uDE00", "and another", 24).ids();
          tokenizer.decode(ids, i % 2 == 0);
        } catch (FormatException | ConfigException e) {
          refused++;
        } catch (RuntimeException | Error e) {
          throw new AssertionError("change " + i + " of " + changed, e);
        }
      }
      assertTrue(refused > times / 10, refused + " refused");
    }
  }

  private static void rearrange(ObjectNode root, Random random) {
    List<JsonNode> inner = new java.util.ArrayList<>();
    collect(root, inner);
    JsonNode to = inner.get(random.nextInt(inner.size()));
    JsonNode from = random.nextInt(3) == 0 ? root.numberNode(new int[] {-1, 0, 1, Integer.MAX_VALUE}[random.nextInt(4)])
        : random.nextInt(4) == 0 ? root.textNode(new String[] {"", "a b", "(a|b)*?", "\\p{L}+", "BPE", "Sequence"}[random.nextInt(6)])
        : inner.get(random.nextInt(inner.size())).deepCopy();
    if (to instanceof ObjectNode object && !object.isEmpty()) {
      List<String> names = new java.util.ArrayList<>();
      object.fieldNames().forEachRemaining(names::add);
      String name = names.get(random.nextInt(names.size()));
      switch (random.nextInt(4)) {
        case 0 -> object.remove(name);
        case 1 -> object.putNull(name);
        default -> object.set(name, from);
      }
    } else if (to instanceof com.fasterxml.jackson.databind.node.ArrayNode array) {
      array.add(from);
    }
  }

  private static void collect(JsonNode node, List<JsonNode> inner) {
    if (node.isContainerNode()) {
      inner.add(node);
      node.forEach(child -> collect(child, inner));
    }
  }

  /** Steps within steps, as a file that contains itself would come out; a part of ten megabytes; two tokens of one id. */
  @Test
  void hostileFiles() throws IOException {
    for (String part : List.of("normalizer", "pre_tokenizer", "decoder", "post_processor")) {
      String list = part.equals("normalizer") ? "normalizers" : part.equals("pre_tokenizer") ? "pretokenizers" : part.equals("decoder") ? "decoders"
          : "processors";
      for (int depth : new int[] {20, 400}) {
        ObjectNode json = TinyBpe.roberta(MERGES, true, true);
        String nested = "{\"type\":\"Sequence\",\"" + list + "\":[";
        json.set(part, new com.fasterxml.jackson.databind.ObjectMapper().readTree(nested.repeat(depth) + "]}".repeat(depth)));
        Path file = TinyVocabulary.write(directory, json);
        try {
          Tokenizer.load(file).encode("the token", true);
          assertTrue(depth < 100, part + " of depth " + depth);
        } catch (FormatException e) {
          assertMessage(e, file.toString());
        }
      }
    }
    Path far = directory.resolve("far.json");
    Files.writeString(far, "{\"model\":" + "[".repeat(200_000));
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(far)), "far.json");
    for (String pattern : List.of("a".repeat(10 << 20), "(".repeat(10 << 20), "(?:(?:a{1000}){1000}){1000}", "[a-z]".repeat(2 << 20),
        "(?=".repeat(1 << 20))) {
      refusedBpe(json -> {
        ObjectNode split = json.putObject("pre_tokenizer").put("type", "Split").put("behavior", "Isolated").put("invert", false);
        split.putObject("pattern").put("Regex", pattern);
      }, "/pre_tokenizer");
    }
    refusedBpe(json -> ((ObjectNode) json.get("model").get("vocab")).put("twin", 5), "/model/vocab", "clashes");
    refusedBpe(json -> model(json).withArray("merges").add("nowhere nothing"), "/model/merges/3", "nowhere");
  }

  private void damaged(ObjectNode json) throws IOException {
    byte[] valid = Files.readAllBytes(TinyVocabulary.write(directory, json));
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
    refused(TinyVocabulary.json(true, true, null, true), change, expected);
  }

  private void refusedBpe(Consumer<ObjectNode> change, String... expected) throws IOException {
    refused(TinyBpe.roberta(MERGES, true, true), change, expected);
  }

  private void refused(ObjectNode json, Consumer<ObjectNode> change, String... expected) throws IOException {
    change.accept(json);
    Path file = TinyVocabulary.write(directory, json);
    FormatException e = assertThrows(FormatException.class, () -> Tokenizer.load(file));
    assertMessage(e, file.toString());
    assertMessage(e, expected);
  }

  private void refusedFiles(String config, String merges, String... expected) throws IOException {
    TinyBpe.files(directory, TinyBpe.ROBERTA, MERGES);
    Files.writeString(directory.resolve("tokenizer_config.json"), config.replace('\'', '"'));
    Files.writeString(directory.resolve("merges.txt"), merges);
    assertMessage(assertThrows(FormatException.class, () -> Tokenizer.load(directory)), expected);
  }

  private static ObjectNode model(ObjectNode json) {
    return (ObjectNode) json.get("model");
  }

  private static void assertMessage(Throwable e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> "'" + part + "' expected in: " + e.getMessage());
    }
  }
}
