package io.github.lora4j.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.checkpoint.gguf.GgmlType;
import io.github.lora4j.checkpoint.gguf.GgufFile;
import io.github.lora4j.checkpoint.gguf.GgufTensor;
import io.github.lora4j.checkpoint.gguf.GgufValue;
import io.github.lora4j.checkpoint.gguf.GgufWriter;
import io.github.lora4j.vector.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** The GGUF container: files written byte by byte, whole and damaged, against what ggml and the {@code gguf} package say of them. */
class GoldenGgufFilesTest {

  @TempDir
  Path temp;

  @TestFactory
  Stream<DynamicTest> files() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    GoldenCases.read("gguf/files", checks).forEach((path, json) -> checks.put(GoldenCases.name(path), () -> compare(path, json)));
    return GoldenCases.tests("gguf/files", checks);
  }

  @TestFactory
  Stream<DynamicTest> malformed() {
    Map<String, GoldenCases.Check> checks = new LinkedHashMap<>();
    Path file = GoldenCases.folder("gguf").resolve("malformed.json");
    if (Files.exists(file)) {
      GoldenCases.json(file).get("cases").forEach(json -> checks.put(json.get("name").asText(), () -> damaged(json)));
    }
    return GoldenCases.tests("gguf/malformed", checks);
  }

  private void compare(Path path, JsonNode json) throws IOException {
    Path file = path.resolveSibling(GoldenCases.name(path) + ".gguf");
    if (json.get("version").asInt() == 1 || json.get("big_endian").asBoolean()) {
      FormatException refused = assertThrows(FormatException.class, () -> GgufFile.open(file));
      assertTrue(refused.getMessage().contains(json.get("big_endian").asBoolean() ? "big-endian" : "version 1"), refused.getMessage());
      return;
    }
    try (GgufFile gguf = GgufFile.open(file)) {
      assertEquals(json.get("version").asInt(), gguf.version());
      assertEquals(json.get("alignment").asLong(), gguf.alignment());
      JsonNode keys = json.get("kv");
      assertEquals(names(keys), List.copyOf(gguf.metadata().values().keySet()));
      for (String key : names(keys)) {
        value(key, keys.get(key), gguf.metadata().value(key));
      }
      JsonNode tensors = json.get("tensors");
      assertEquals(names(tensors), gguf.tensors().stream().map(GgufTensor::name).toList());
      for (String name : names(tensors)) {
        tensor(tensors.get(name), gguf.tensor(name), gguf);
      }
      again(gguf, file);
    }
  }

  private static void value(String key, JsonNode json, GgufValue value) {
    String type = json.get("type").asText();
    assertEquals(kind(type), value.kind(), key);
    if (value.value() instanceof GgufValue.Items items) {
      JsonNode expected = json.get("value");
      assertEquals(kind(expected.get("element").asText()), items.kind(), key);
      List<Object> got = new ArrayList<>(items.values());
      assertEquals(expected.get("items").size(), got.size(), key);
      for (int i = 0; i < got.size(); i++) {
        same(key, expected.get("items").get(i), items.kind(), got.get(i));
      }
    } else {
      same(key, json.get("value"), value.kind(), value.value());
    }
  }

  private static void same(String key, JsonNode expected, GgufValue.Kind kind, Object got) {
    switch (kind) {
      case F32 -> assertEquals((float) expected.asDouble(), (Float) got, key);
      case F64 -> assertEquals(expected.asDouble(), (Double) got, key);
      case U64 -> assertEquals(expected.asText(), Long.toUnsignedString((Long) got), key);
      case BOOL, STRING, U8, I8, U16, I16, U32, I32, I64 -> assertEquals(expected.asText(), got.toString(), key);
      case ARRAY -> throw new AssertionError(key);
    }
  }

  private static GgufValue.Kind kind(String type) {
    return GgufValue.Kind.valueOf(type.toUpperCase(java.util.Locale.ROOT).replaceFirst("^UINT", "U").replaceFirst("^INT", "I").replaceFirst("^FLOAT", "F"));
  }

  private static void tensor(JsonNode json, GgufTensor tensor, GgufFile gguf) {
    assertEquals(GgmlType.of(json.get("type_id").asLong()).orElseThrow(), tensor.type());
    assertEquals(StreamSupport.stream(json.get("shape").spliterator(), false).map(JsonNode::asLong).toList(), tensor.shape());
    assertEquals(json.get("bytes").asLong(), tensor.bytes());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(tensor.bytes(), 64);
      gguf.read(tensor.name(), 0, data);
      float[] expected = new float[(int) tensor.elements()];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = (float) json.get("values").get(i).asDouble();
      }
      assertArrayEquals(expected, values(tensor, data), tensor.name());
    }
  }

  /** By the formulas of ggml's documentation, not by the product's own formats. */
  private static float[] values(GgufTensor tensor, MemorySegment data) {
    float[] values = new float[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = switch (tensor.type()) {
        case F32 -> data.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        case F16 -> Float.float16ToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT, i));
        case BF16 -> Float.intBitsToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
        case F64 -> (float) data.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
        case I8 -> data.get(ValueLayout.JAVA_BYTE, i);
        case I16 -> data.getAtIndex(ValueLayout.JAVA_SHORT, i);
        case I32 -> data.getAtIndex(ValueLayout.JAVA_INT, i);
        case Q8_0 -> Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, i / 32 * 34L))
            * data.get(ValueLayout.JAVA_BYTE, i / 32 * 34L + 2 + i % 32);
        default -> throw GoldenCases.notYet("no values of type " + tensor.type() + " are compared here");
      };
    }
    return values;
  }

  /** What was read, written again, has the same bytes, as the file was written by the same rules. */
  private void again(GgufFile gguf, Path original) throws IOException {
    GgufWriter writer = new GgufWriter((int) gguf.alignment());
    gguf.metadata().values().forEach((key, value) -> {
      if (!key.equals("general.alignment")) {
        writer.key(key, value);
      }
    });
    for (GgufTensor tensor : gguf.tensors()) {
      writer.add(tensor, to -> {
        for (long at = 0; at < tensor.bytes(); at += 10) {
          MemorySegment piece = MemorySegment.ofArray(new byte[(int) Math.min(10, tensor.bytes() - at)]);
          gguf.read(tensor.name(), at, piece);
          to.write(piece);
        }
      });
    }
    Path copy = temp.resolve("copy.gguf");
    writer.write(copy);
    byte[] bytes = Files.readAllBytes(copy);
    byte[] source = Files.readAllBytes(original);
    if (gguf.version() == 3 && source.length == bytes.length && (gguf.alignment() == 32 || firstKey(gguf).equals("general.alignment"))) {
      assertArrayEquals(source, bytes);
    } else {
      try (GgufFile read = GgufFile.open(copy)) {
        assertEquals(gguf.tensors(), read.tensors());
        assertEquals(gguf.metadata().values().size() + (gguf.metadata().has("general.alignment") || gguf.alignment() == 32 ? 0 : 1),
            read.metadata().values().size());
      }
    }
  }

  private static String firstKey(GgufFile gguf) {
    return gguf.metadata().values().firstEntry().getKey();
  }

  private void damaged(JsonNode json) throws IOException {
    Path base = GoldenCases.folder("gguf/files").resolve(json.get("base").asText() + ".gguf");
    byte[] bytes = Files.readAllBytes(base);
    for (JsonNode edit : json.get("edits")) {
      byte[] hex = HexFormat.of().parseHex(edit.get("hex").asText());
      System.arraycopy(hex, 0, bytes, edit.get("offset").asInt(), hex.length);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(bytes, 0, json.get("truncate").isNull() ? bytes.length : json.get("truncate").asInt());
    if (!json.get("append_hex").isNull()) {
      out.writeBytes(HexFormat.of().parseHex(json.get("append_hex").asText()));
    }
    Path file = temp.resolve("damaged.gguf");
    Files.write(file, out.toByteArray());
    String expect = json.get("expect").asText();
    try (GgufFile gguf = GgufFile.open(file)) {
      for (GgufTensor tensor : gguf.tensors()) {
        gguf.read(tensor.name(), 0, MemorySegment.ofArray(new byte[(int) tensor.bytes()]));
      }
      assertTrue(List.of("accept", "either").contains(expect), "was read, but should be refused");
    } catch (FormatException e) {
      assertTrue(List.of("reject", "either").contains(expect), e.getMessage());
      assertTrue(e.getMessage().contains("damaged.gguf"), e.getMessage());
    }
  }

  private static List<String> names(JsonNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }
}
