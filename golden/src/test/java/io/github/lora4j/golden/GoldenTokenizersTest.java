package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.tokenizer.Encoding;
import io.github.lora4j.tokenizer.StreamingDecoder;
import io.github.lora4j.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What Hugging Face's tokenizers made of texts: ids with and without special tokens, texts of ids, pairs with their ranges, and text decoded id by
 * id. A tokenizer whose file is not in the folder is looked for below {@code -Dgolden.tokenizers}, as {@code NAME/tokenizer.json}.
 */
class GoldenTokenizersTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path FOLDER = GoldenCases.folder("tokenizers");

  @TempDir
  static Path temp;

  @TestFactory
  Stream<DynamicTest> tokenizers() throws IOException {
    Map<String, GoldenCases.Check> cases = new LinkedHashMap<>();
    if (Files.isDirectory(FOLDER)) {
      try (Stream<Path> files = Files.list(FOLDER)) {
        files.filter(file -> file.toString().endsWith(".json.gz")).sorted().forEach(
            file -> cases.put(file.getFileName().toString().replace(".json.gz", ""), () -> compare(json(file))));
      }
    }
    return GoldenCases.tests("tokenizers", cases);
  }

  private static void compare(JsonNode golden) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(file(golden));
    // Theirs counts tokens, ours says where the ids end.
    assertTrue(golden.path("vocab_size").intValue() <= tokenizer.vocabSize(), "vocab_size " + tokenizer.vocabSize());
    List<String> texts = texts(golden);
    int[] length = truncation(golden);
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      int[] ids = ints(golden.path("ids").path(i));
      String what = "text " + i + " '" + show(text) + "'";
      Encoding plain = tokenizer.encode(text, false);
      assertArrayEquals(ids, cut(plain.ids(), length), () -> what + " " + tokens(tokenizer, plain.ids()));
      ranges(text, plain, what);
      int[] special = golden.path("special").path(i).isArray() ? ints(golden.path("special").path(i)) : ids;
      if (length.length == 0) {
        assertArrayEquals(special, tokenizer.encode(text, true).ids(), what + " with special tokens");
      }
      if (golden.has("plain")) {
        JsonNode only = golden.path("plain").path(i);
        assertArrayEquals(only.isArray() ? ints(only) : ids, tokenizer.encodePlain(text).ids(), what + " as plain text");
      }
      decoded(tokenizer, golden, i, special, what);
    }
    for (JsonNode pair : golden.path("pairs")) {
      pair(tokenizer, pair, length);
    }
    if (golden.path("spm_model").isTextual()) {
      sentencePiece(golden, texts);
    }
  }

  /** The sentencepiece model that the tokenizer was made of: its ids are sentencepiece's own, for which special tokens in a text are text. */
  private static void sentencePiece(JsonNode golden, List<String> texts) throws IOException {
    String source = golden.path("spm_model").textValue();
    Path file = source.startsWith("files/") ? FOLDER.resolve(source) : FOLDER.resolve("../..").resolve(source.replaceFirst("^shared/", ""));
    Path copy = Files.createTempDirectory(temp, "spm").resolve("tokenizer.model");
    Files.copy(file, copy);
    Tokenizer tokenizer = Tokenizer.load(copy);
    for (int i = 0; i < texts.size(); i++) {
      String what = "text " + i + " '" + show(texts.get(i)) + "' with " + source;
      int[] got = tokenizer.encodePlain(texts.get(i)).ids();
      assertArrayEquals(ints(golden.path("spm_ids").path(i)), got, () -> what + " " + tokens(tokenizer, got));
    }
  }

  private static void decoded(Tokenizer tokenizer, JsonNode golden, int i, int[] ids, String what) {
    String kept = golden.path("decode").path(i).textValue();
    if (golden.path("errors").has("decode " + i)) {
      return;
    }
    JsonNode skipped = golden.path("decode_skip").path(i);
    assertEquals(kept, tokenizer.decode(ids, false), what + " decoded");
    assertEquals(skipped.isTextual() ? skipped.textValue() : kept, tokenizer.decode(ids, true), what + " decoded without special tokens");
    StreamingDecoder stream = tokenizer.streaming(false);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(stream.next(id));
      assertTrue(kept.startsWith(text.toString()), what + " streams " + text);
      assertTrue(text.isEmpty() || !Character.isHighSurrogate(text.charAt(text.length() - 1)), what + " ends within a character");
    }
    assertEquals(kept, text.append(stream.finish()).toString(), what + " streamed");
  }

  private static void pair(Tokenizer tokenizer, JsonNode pair, int[] length) throws IOException {
    if (length.length > 0) {
      return;
    }
    List<String> all = all();
    String first = all.get(pair.path("a").intValue());
    String second = all.get(pair.path("b").intValue());
    String what = "pair of '" + show(first) + "' and '" + show(second) + "'";
    Encoding got = tokenizer.encode(first, second);
    assertArrayEquals(ints(pair.path("ids")), got.ids(), what);
    assertArrayEquals(ints(pair.path("type_ids")), got.typeIds(), what);
    int firstAt = at(got.ids(), tokenizer.encode(first, false).ids(), true);
    int firstEnd = firstAt + tokenizer.encode(first, false).length();
    int secondAt = at(got.ids(), tokenizer.encode(second, false).ids(), false);
    int secondEnd = secondAt + tokenizer.encode(second, false).length();
    for (int i = 0; i < got.length(); i++) {
      boolean ofFirst = i >= firstAt && i < firstEnd;
      String of = ofFirst ? first : i >= secondAt && i < secondEnd ? second : "";
      JsonNode range = pair.path("offsets").path(i);
      assertEquals(List.of(of.offsetByCodePoints(0, range.path(0).intValue()), of.offsetByCodePoints(0, range.path(1).intValue())),
          List.of(got.starts()[i], got.ends()[i]), what + " range of token " + i);
    }
  }

  /** Where a text's ids lie among all, the first or the last such place. */
  private static int at(int[] all, int[] some, boolean first) {
    int found = -1;
    for (int i = 0; i + some.length <= all.length && !(first && found >= 0); i++) {
      found = Arrays.equals(all, i, i + some.length, some, 0, some.length) ? i : found;
    }
    return found;
  }

  /** Ranges lie in the text and go up, but for those that share a character. */
  private static void ranges(String text, Encoding encoding, String what) {
    for (int i = 0; i < encoding.length(); i++) {
      int start = encoding.starts()[i];
      int end = encoding.ends()[i];
      assertTrue(0 <= start && start <= end && end <= text.length(), what + " range of token " + i);
      assertTrue(end == text.length() || end == 0 || !(Character.isLowSurrogate(text.charAt(end)) && Character.isHighSurrogate(text.charAt(end - 1))),
          what + " range of token " + i + " ends within a character");
    }
  }

  /** The file of a case; one that is not here is a reason to leave the case aside. */
  private static Path file(JsonNode golden) throws IOException {
    String name = golden.path("tokenizer").textValue();
    String source = golden.path("source").textValue();
    if (source.startsWith("files/")) {
      return unpacked(FOLDER.resolve(source));
    }
    List<Path> places = new ArrayList<>();
    if (System.getProperty("golden.tokenizers") != null) {
      places.add(Path.of(System.getProperty("golden.tokenizers")).resolve(name).resolve("tokenizer.json"));
    }
    places.add(FOLDER.resolve("../../data/tokenizers").resolve(name).resolve("tokenizer.json"));
    try (InputStream in = GoldenTokenizersTest.class.getResourceAsStream("/all-" + name + "-l6-v2-tokenizer.json")) {
      if (in != null) {
        places.add(Files.write(Files.createTempFile(temp, name, ".json"), in.readAllBytes()));
      }
    }
    return places.stream().filter(Files::exists).filter(file -> size(file) == golden.path("bytes").longValue()).findFirst().orElseThrow(
        () -> GoldenCases.notYet("its file is not here: " + source));
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Path unpacked(Path file) throws IOException {
    if (!file.toString().endsWith(".gz")) {
      return file;
    }
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      return Files.write(temp.resolve(file.getFileName().toString().replace(".gz", "")), in.readAllBytes());
    }
  }

  private static JsonNode json(Path gzipped) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(gzipped))) {
      return JSON.readTree(in);
    }
  }

  private static List<String> all() throws IOException {
    JsonNode file = GoldenCases.json(FOLDER.resolve("texts.json"));
    List<String> texts = new ArrayList<>();
    file.path("texts").forEach(text -> texts.add(text.textValue()));
    file.path("utf16").properties().forEach(entry -> {
      char[] chars = new char[entry.getValue().size()];
      for (int i = 0; i < chars.length; i++) {
        chars[i] = (char) entry.getValue().get(i).intValue();
      }
      texts.set(Integer.parseInt(entry.getKey()), new String(chars));
    });
    return texts;
  }

  private static List<String> texts(JsonNode golden) throws IOException {
    List<String> all = all();
    if (golden.path("texts").isNull()) {
      return all;
    }
    List<String> some = new ArrayList<>();
    golden.path("texts").forEach(index -> some.add(all.get(index.intValue())));
    return some;
  }

  /** The maximum length, the length with padding, and the padding's id where the file's own were on, which are not followed here. */
  private static int[] truncation(JsonNode golden) throws IOException {
    String source = golden.path("source").textValue();
    if (golden.has("switched_off") || !source.startsWith("files/")) {
      return new int[0];
    }
    JsonNode file = JSON.readTree(Files.readString(unpacked(FOLDER.resolve(source)), StandardCharsets.UTF_8));
    return file.path("truncation").isObject() ? new int[] {file.path("truncation").path("max_length").intValue(),
                file.path("padding").path("strategy").path("Fixed").intValue(), file.path("padding").path("pad_id").intValue()} : new int[0];
  }

  /** As the file's settings ask: cut, then padded. */
  private static int[] cut(int[] ids, int[] length) {
    if (length.length == 0) {
      return ids;
    }
    int count = Math.min(ids.length, length[0]);
    int[] result = Arrays.copyOf(ids, Math.max(count, length[1]));
    Arrays.fill(result, count, result.length, length[2]);
    return result;
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }

  private static String tokens(Tokenizer tokenizer, int[] ids) {
    return Arrays.stream(ids).limit(60).mapToObj(tokenizer::token).toList().toString();
  }

  private static String show(String text) {
    StringBuilder out = new StringBuilder();
    text.chars().limit(120).forEach(c -> out.append(c > 31 && c < 127 ? Character.toString(c) : String.format("\\u%04x", c)));
    return out.toString();
  }
}
