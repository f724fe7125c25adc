package io.github.lora4j.checkpoint;

import static io.github.lora4j.checkpoint.RoundTripTest.assertMessage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.lora4j.vector.DType;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class BrokenSafetensorsTest {

  @TempDir Path directory;

  static Stream<Arguments> headers() {
    return Stream.of(
        header("no object", "[1]", 0, "'{'"),
        header("not JSON", "{\"w\":", 0, "JSON"),
        header("something behind", "{}x", 0, "JSON"),
        header("second object", "{}{}", 0, "closing brace"),
        header("duplicate tensor",
            "{" + tensor("w", "F32", "[1]", 0, 4) + "," + tensor("w", "F32", "[1]", 4, 8) + "}", 8, "Duplicate", "w"),
        header("duplicate key",
            "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "Duplicate", "dtype"),
        header("unknown key", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "tensor w", "x"),
        header("key missing", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "tensor w", "data_offsets"),
        header("three offsets", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "tensor w", "data_offsets"),
        header("unknown dtype", "{" + tensor("w", "F8_E4M3", "[4]", 0, 4) + "}", 4, "tensor w", "F8_E4M3", "BF16"),
        header("dtype a number", "{\"w\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor w", "dtype"),
        header("negative dimension", "{" + tensor("w", "F32", "[-1]", 0, 4) + "}", 4, "tensor w", "[-1]"),
        header("fractional dimension", "{" + tensor("w", "F32", "[1.5]", 0, 4) + "}", 4, "tensor w", "shape"),
        header("huge dimension", "{" + tensor("w", "F32", "[99999999999999999999]", 0, 4) + "}", 4, "JSON"),
        header("overflowing shape", "{" + tensor("w", "F32", "[4294967296,4294967296]", 0, 0) + "}", 0, "tensor w", "too large"),
        header("too many dimensions", "{" + tensor("w", "F32", "[" + "1,".repeat(64) + "1]", 0, 4) + "}", 4, "tensor w", "64"),
        header("shape against offsets", "{" + tensor("w", "F32", "[3]", 0, 8) + "}", 8, "tensor w", "12 bytes", "8"),
        header("offsets backwards", "{" + tensor("w", "F32", "[1]", 4, 0) + "}", 4, "tensor w", "range"),
        header("negative offset", "{" + tensor("w", "F32", "[1]", -4, 0) + "}", 4, "tensor w", "range"),
        header("overlap", "{" + tensor("v", "F32", "[2]", 0, 8) + "," + tensor("w", "F32", "[1]", 4, 8) + "}", 8, "tensor w", "overlaps v"),
        header("same place", "{" + tensor("v", "F32", "[1]", 0, 4) + "," + tensor("w", "F32", "[1]", 0, 4) + "}", 4, "overlaps"),
        header("gap", "{" + tensor("v", "F32", "[1]", 0, 4) + "," + tensor("w", "F32", "[1]", 8, 12) + "}", 12, "tensor w", "gap after v"),
        header("gap at the start", "{" + tensor("w", "F32", "[1]", 4, 8) + "}", 8, "tensor w", "gap after the header"),
        header("data cut off", "{" + tensor("w", "F32", "[4]", 0, 16) + "}", 15, "tensor w", "16", "15"),
        header("data left over", "{" + tensor("w", "F32", "[4]", 0, 16) + "}", 17, "no tensor", "16", "17"),
        header("metadata a number", "{\"__metadata__\":{\"a\":1}}", 0, "__metadata__", "a"),
        header("deep", "{\"w\":" + "[".repeat(100_000), 0, "JSON"),
        header("long name", "{" + tensor("w".repeat(100_000), "F32", "[1]", 0, 4) + "}", 4, "JSON"));
  }

  private static Arguments header(String what, String json, int dataBytes, String... expected) {
    return Arguments.of(what, json, dataBytes, List.of(expected));
  }

  private static String tensor(String name, String dtype, String shape, long begin, long end) {
    return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + "," + end + "]}";
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("headers")
  void headersAreRefusedWithTheReason(String what, String json, int dataBytes, List<String> expected) throws IOException {
    byte[] utf8 = json.getBytes(StandardCharsets.UTF_8);
    refused(file(utf8.length, utf8, dataBytes), expected.toArray(String[]::new));
  }

  @Test
  void absurdHeaderLengthsAreRefused() throws IOException {
    byte[] json = "{}".getBytes(StandardCharsets.UTF_8);
    refused(file(0, json, 0), "header length");
    refused(file(100_000_001, json, 0), "header length", "100000001");
    refused(file(-1, json, 0), "header length", "18446744073709551615");
    refused(file(90_000_000, json, 0), "cut off", "90000000");
    refused(new byte[0], "0 bytes");
    refused(new byte[7], "7 bytes");
    refused("PK\3\4 this is a zip file".getBytes(StandardCharsets.UTF_8), "not a safetensors file");
  }

  @Test
  void onlyUtf8IsRead() throws IOException {
    byte[] latin = ("{" + tensor("\u00e9", "F32", "[1]", 0, 4) + "}").getBytes(StandardCharsets.ISO_8859_1);
    refused(file(latin.length, latin, 4), "UTF-8");
    byte[] wide = ("{" + tensor("w", "F32", "[1]", 0, 4) + "}").getBytes(StandardCharsets.UTF_16LE);
    refused(file(wide.length, wide, 4), "JSON");
  }

  @Test
  void anEmptyFileOfTensorsAndPaddingAreFine() throws IOException {
    Path file = directory.resolve("empty.safetensors");
    Files.write(file, file(8, "{}      ".getBytes(StandardCharsets.UTF_8), 0));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertEquals(0, checkpoint.names().size());
      assertMessage(assertThrows(FormatException.class, () -> checkpoint.info("w")), "w", "holds none");
    }
  }

  @Test
  void aFileCutOffWhileOpenIsNoticed() throws IOException {
    Path file = directory.resolve("cut.safetensors");
    new SafetensorsWriter().add(new TensorInfo("w", DType.F32, List.of(100L)), MemorySegment.ofArray(new float[100])).write(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 200));
      assertMessage(
          assertThrows(FormatException.class, () -> checkpoint.read("w", DType.F32, MemorySegment.ofArray(new float[100]))),
          "cut.safetensors", "200");
    }
  }

  private static byte[] file(long announced, byte[] header, int dataBytes) {
    return ByteBuffer.allocate(8 + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(announced)
        .put(header)
        .array();
  }

  private void refused(byte[] content, String... expected) throws IOException {
    Path file = directory.resolve("broken.safetensors");
    Files.write(file, content);
    FormatException e = assertThrows(FormatException.class, () -> Checkpoint.open(file));
    assertMessage(e, "broken.safetensors");
    assertMessage(e, expected);
  }
}
