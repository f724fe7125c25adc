package io.github.lora4j.train.internal.parquet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.DataSpec;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files written by pyarrow 25, read as pyarrow reads them; and broken ones. */
class ParquetFileTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final DataSpec TYPED = new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.empty(), 0,
      Optional.of(new DataSpec.Typed(List.of(), List.of())));
  private static final long MODULUS = 1L << 61;

  @TempDir
  private Path dir;

  private Path file(String name) throws IOException {
    return Files.write(dir.resolve(name), bytes(name));
  }

  private static byte[] bytes(String name) throws IOException {
    try (InputStream in = ParquetFileTest.class.getResourceAsStream("/parquet/" + name)) {
      return in.readAllBytes();
    }
  }

  private static List<Map<String, Object>> read(Path file) throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    ParquetFile.read(file, (number, values) -> {
      rows.add(values);
      assertEquals(rows.size(), number);
    });
    return rows;
  }

  /** Three row groups of conversations with nested lists, structs and nulls, with and without a dictionary. */
  @ParameterizedTest
  @ValueSource(strings = {"none-v1", "none-v2", "snappy-v1", "snappy-v2", "gzip-v2", "lz4-v1", "zstd-v2"})
  void conversationsAreThoseOfTheSameJsonLines(String kind) throws IOException {
    List<Row> expected = DataFile.read(file("chat.jsonl"), TYPED);
    List<Row> got = DataFile.read(file("chat-" + kind + ".parquet"), TYPED);
    assertEquals(24, got.size());
    for (int i = 0; i < got.size(); i++) {
      assertEquals(i + 1, got.get(i).line());
      assertEquals(expected.get(i).typed().orElseThrow().content(), got.get(i).typed().orElseThrow().content(), "row " + (i + 1));
    }
    assertEquals(List.of("id", "source"), got.getFirst().typed().orElseThrow().unused());
  }

  /** Types, encodings by differences, decimals, times, maps, lists of lists, and nulls at every depth. */
  @Test
  void allKindsOfValues() throws IOException {
    List<Map<String, Object>> rows = read(file("kinds.parquet"));
    JsonNode expected = JSON.readTree(bytes("kinds.json"));
    assertEquals(expected.size(), rows.size());
    for (int i = 0; i < rows.size(); i++) {
      Map<String, Object> row = rows.get(i);
      assertEquals(expected.get(i).size(), row.size());
      for (Map.Entry<String, JsonNode> field : expected.get(i).properties()) {
        Object value = row.get(field.getKey());
        JsonNode got = value instanceof java.math.BigDecimal ? JSON.valueToTree(value.toString()) : JSON.valueToTree(value);
        assertEquals(JSON.readTree(field.getValue().toString()), JSON.readTree(got.toString()), "row " + i + ", " + field.getKey());
      }
    }
  }

  /** 3,000 rows of several pages and groups; the sums are those of pyarrow. */
  @Test
  void manyValues() throws IOException {
    long[] sums = new long[3];
    for (Map<String, Object> row : read(file("many.parquet"))) {
      add(sums, 0, ((Number) row.get("n")).longValue());
      add(sums, 1, row.get("m") instanceof Number m ? m.longValue() : -1);
      long list = row.get("l") == null ? -1 : 0;
      int at = 1;
      for (Object item : row.get("l") == null ? List.of() : (List<?>) row.get("l")) {
        list += at++ * (((Number) item).longValue() + 1);
      }
      add(sums, 2, list);
    }
    assertEquals(List.of(523795560908725247L, 1761831746265182499L, 997188690619137021L), Arrays.stream(sums).boxed().toList());
  }

  private static void add(long[] sums, int which, long value) {
    java.math.BigInteger next = java.math.BigInteger.valueOf(sums[which]).multiply(java.math.BigInteger.valueOf(31)).add(
        java.math.BigInteger.valueOf(value));
    sums[which] = next.mod(java.math.BigInteger.valueOf(MODULUS)).longValueExact();
  }

  @Test
  void aFileOfAnyNameIsKnownByItsBytes() throws IOException {
    Path copy = Files.write(dir.resolve("train-00000.data"), bytes("chat-snappy-v1.parquet"));
    assertEquals(24, DataFile.read(copy, TYPED).size());
  }

  @Test
  void tasksOnColumnsReadThemToo() throws IOException {
    DataSpec columns = new DataSpec(Optional.empty(), "endings", Optional.of("lengths"), Optional.of("day"), 0);
    Path kinds = file("kinds.parquet");
    String message = assertThrows(FormatException.class, () -> DataFile.read(kinds, columns)).getMessage();
    assertTrue(message.contains("kinds.parquet, row 2: no key \"day\""), message);
    List<Row> rows = DataFile.sample(file("many.parquet"), new DataSpec(Optional.empty(), "n", Optional.empty(), Optional.empty(), 2), 1).rows();
    assertTrue(rows.size() == 2 && rows.stream().allMatch(row -> row.text().matches("\\d+")), rows.toString());
  }

  @Test
  void whatIsNotReadIsSaid() throws IOException {
    Path file = file("chat-brotli-v2.parquet");
    String message = assertThrows(FormatException.class, () -> read(file)).getMessage();
    assertTrue(message.contains("column ") && message.contains("is compressed by brotli"), message);
  }

  @Test
  void aRowThatIsNoConversationIsNamed() throws IOException {
    Path file = file("kinds.parquet");
    String message = assertThrows(FormatException.class, () -> DataFile.read(file, TYPED)).getMessage();
    assertTrue(message.contains("kinds.parquet, row 1: the columns"), message);
  }

  /** Cut anywhere, a file is refused. */
  @Test
  void cutFiles() throws IOException {
    byte[] whole = bytes("chat-snappy-v2.parquet");
    Path file = dir.resolve("cut.parquet");
    for (int length = 0; length < whole.length; length += 1 + length / 40) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThrows(FormatException.class, () -> read(file), "" + length);
    }
  }

  /** Whatever is changed in a file: it is read, or refused by name, in little time and memory. */
  @ParameterizedTest
  @ValueSource(strings = {"chat-none-v1", "chat-snappy-v2", "chat-lz4-v1", "chat-gzip-v2", "chat-zstd-v2", "kinds", "many"})
  void changedFiles(String name) throws IOException {
    byte[] whole = bytes(name + ".parquet");
    SplittableRandom random = new SplittableRandom(Long.getLong("fuzz.seed", 1));
    Path file = dir.resolve("changed.parquet");
    int refused = 0;
    int times = Integer.getInteger("fuzz.parquet", 500);
    for (int i = 0; i < times; i++) {
      byte[] changed = changed(whole, random);
      Files.write(file, changed);
      long[] rows = {0};
      try {
        ParquetFile.read(file, (number, values) -> rows[0]++);
      } catch (FormatException e) {
        refused++;
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
      } catch (RuntimeException | Error e) {
        throw new AssertionError("change %d: %s".formatted(i, e), e);
      }
      assertTrue(rows[0] <= 100_000, "%d rows of a file of %d bytes".formatted(rows[0], changed.length));
    }
    assertTrue(refused > times / 4, refused + " of " + times + " refused");
  }

  private static byte[] changed(byte[] whole, SplittableRandom random) {
    byte[] bytes = whole.clone();
    int changes = random.nextInt(1, 5);
    for (int i = 0; i < changes; i++) {
      // The footer is where sizes are.
      int at = random.nextBoolean() ? random.nextInt(bytes.length) : bytes.length - 1 - random.nextInt(Math.min(bytes.length, 2500));
      bytes[at] = switch (random.nextInt(4)) {
        case 0 -> (byte) (bytes[at] ^ 1 << random.nextInt(8));
        case 1 -> (byte) 0xFF;
        case 2 -> 0;
        default -> (byte) random.nextInt(256);
      };
    }
    return random.nextInt(8) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
  }
}
