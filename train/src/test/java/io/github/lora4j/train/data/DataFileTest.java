package io.github.lora4j.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of rows, as they should be and as they come. */
class DataFileTest {

  @TempDir
  Path temp;

  private static DataSpec spec(String text, String label) {
    return new DataSpec(Optional.empty(), text, Optional.empty(), Optional.of(label), 0);
  }

  private Path file(String name, String content) throws IOException {
    return Files.writeString(temp.resolve(name), content);
  }

  private static Row row(int line, String text, String... labels) {
    return new Row(line, text, Optional.empty(), List.of(labels));
  }

  private void refused(Path file, DataSpec spec, String... parts) {
    String message = assertThrows(FormatException.class, () -> DataFile.read(file, spec)).getMessage();
    assertTrue(message.contains(file.toString()), message);
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void tsvKnowsNoQuotes() throws IOException {
    Path file = file("a.tsv", "label\ttext\n1\t\"a\n0\tsays \"b\", c\n\n1\t\n");
    assertEquals(List.of(row(2, "\"a", "1"), row(3, "says \"b\", c", "0"), row(5, "", "1")), DataFile.read(file, spec("text", "label")));
  }

  @Test
  void csvKnowsQuotesAndLineBreaksInThem() throws IOException {
    Path file = file("a.csv", "text,label\n\"a, \"\"b\"\"\nc\",x\nd,y\n");
    assertEquals(List.of(row(2, "a, \"b\"\nc", "x"), row(4, "d", "y")), DataFile.read(file, spec("text", "label")));
  }

  @Test
  void jsonLines() throws IOException {
    Path file = file("a.jsonl",
        "{\"text\": \"a\\tb\", \"label\": 1, \"more\": {}}\n\n{\"label\": [\"x\", 2], \"text\": \"\\u00e9\"}\n{\"label\": true, \"text\": \"\"}");
    assertEquals(List.of(row(1, "a\tb", "1"), row(3, "é", "x", "2"), row(4, "", "true")), DataFile.read(file, spec("text", "label")));
  }

  @Test
  void pairs() throws IOException {
    DataSpec spec = new DataSpec(Optional.empty(), "q", Optional.of("p"), Optional.empty(), 0);
    List<Row> expected = List.of(new Row(2, "a", Optional.of("b"), List.of()));
    assertEquals(expected, DataFile.read(file("p.tsv", "p\tq\nb\ta"), spec));
    assertEquals(expected, DataFile.read(file("p.csv", "p,q\nb,a"), spec));
    assertEquals(expected, DataFile.read(file("p.jsonl", "\n{\"q\":\"a\",\"p\":\"b\"}"), spec));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.tsv", "a.csv", "a.jsonl"})
  void byteOrderMarksAndWindowsLineEndsAreNoPartOfTheText(String name) throws IOException {
    String content = switch (name) {
      case "a.tsv" -> "\uFEFFtext\tlabel\r\na\tx\r\nb\ty\r\n";
      case "a.csv" -> "\uFEFFtext,label\r\na,x\r\nb,y\r\n";
      default -> "\uFEFF{\"text\":\"a\",\"label\":\"x\"}\r\n{\"text\":\"b\",\"label\":\"y\"}\r\n";
    };
    List<Row> rows = DataFile.read(file(name, content), spec("text", "label"));
    assertEquals(List.of("a", "b"), rows.stream().map(Row::text).toList());
    assertEquals(List.of(List.of("x"), List.of("y")), rows.stream().map(Row::labels).toList());
  }

  @Test
  void columnsByNumberMeanThatThereIsNoHeader() throws IOException {
    assertEquals(List.of(row(1, "a", "x"), row(2, "b", "y")), DataFile.read(file("n.tsv", "x\ta\ny\tb"), spec("2", "1")));
    assertEquals(List.of(row(1, "a", "x"), row(2, "b", "y")), DataFile.read(file("n.csv", "\uFEFFx,a\ny,b"), spec("2", "1")));
    Path file = file("m.tsv", "x\ta\n");
    refused(file, spec("3", "1"), "2 columns", "column 3");
    refused(file, spec("0", "1"), "column 0");
    refused(file, spec("2", "label"), "no column \"label\"");
    refused(file, spec("99999999999", "1"), "99999999999");
    refused(file, spec("1", "99999999999"), "99999999999");
  }

  @Test
  void missingColumns() throws IOException {
    refused(file("a.tsv", "sentence\tlabel\na\t1\n"), spec("text", "label"), "no column \"text\"", "[sentence, label]");
    refused(file("a.csv", "text,Label\na,1\n"), spec("text", "label"), "no column \"label\"", "[text, Label]");
    refused(file("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\"}\n"), spec("text", "label"), "line 2", "no key \"label\"", "[text]");
    refused(file("b.jsonl", "{\"text\":null,\"label\":1}\n"), spec("text", "label"), "line 1", "no key \"text\"");
  }

  @Test
  void shortLines() throws IOException {
    refused(file("a.tsv", "text\tlabel\na\t1\nb\n"), spec("text", "label"), "line 3", "1 columns, expected 2");
    refused(file("a.csv", "text,label\na,1\nb\n"), spec("text", "label"), "3");
  }

  @Test
  void brokenJson() throws IOException {
    String good = "{\"text\":\"a\",\"label\":1}\n";
    refused(file("a.jsonl", good + "{\"text\": \"b\n"), spec("text", "label"), "line 2", "not valid JSON");
    refused(file("b.jsonl", good + "[1]\n"), spec("text", "label"), "line 2", "ARRAY");
    refused(file("c.jsonl", good.trim() + " " + good), spec("text", "label"), "line 1", "not valid JSON");
    refused(file("d.jsonl", "{\"text\":[\"a\"],\"label\":1}"), spec("text", "label"), "line 1", "\"text\" must be text");
    refused(file("e.jsonl", "{\"text\":\"a\",\"label\":{\"b\":1}}"), spec("text", "label"), "line 1", "\"label\" must be text");
    refused(file("f.jsonl", "{\"text\":\"a\",\"label\":[\"x\",null]}"), spec("text", "label"), "line 1", "\"label\" must be text");
  }

  @Test
  void brokenCsv() throws IOException {
    refused(file("a.csv", "text,label\n\"a\"b,1\n"), spec("text", "label"), "2");
    refused(file("b.csv", "text,label\na,1\n\"b,1\nc,2\n"), spec("text", "label"), "3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.tsv", "a.csv", "a.jsonl"})
  void otherEncodingsAreNotGuessed(String name) throws IOException {
    String content = switch (name) {
      case "a.tsv" -> "text\tlabel\ncaf\u00e9\tx\n";
      case "a.csv" -> "text,label\ncaf\u00e9,x\n";
      default -> "{\"text\":\"caf\u00e9\",\"label\":\"x\"}\n";
    };
    refused(Files.write(temp.resolve(name), content.getBytes(StandardCharsets.ISO_8859_1)), spec("text", "label"), "UTF-8");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.tsv", "a.csv", "a.jsonl"})
  void nothingToRead(String name) throws IOException {
    refused(file(name, ""), spec("text", "label"), "no rows");
    refused(file(name, "\n\n"), spec(name.equals("a.jsonl") ? "text" : "1", "1"), "no rows");
    if (!name.equals("a.jsonl")) {
      refused(file(name, name.equals("a.tsv") ? "text\tlabel\n" : "text,label\n"), spec("text", "label"), "no rows");
    }
    refused(temp.resolve("missing-" + name), spec("text", "label"), "does not exist");
  }

  /** A file sorted by its labels keeps its classes under a limit. */
  @Test
  void theLimitDrawsRows() throws IOException {
    StringBuilder sorted = new StringBuilder("text\tlabel\n");
    for (int i = 0; i < 1000; i++) {
      sorted.append("t").append(i).append('\t').append(i / 100).append('\n');
    }
    DataSpec spec = new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.of("label"), 200);
    DataFile.Sample sample = DataFile.sample(file("sorted.tsv", sorted.toString()), spec, 42);
    assertEquals(200, sample.rows().size());
    assertEquals(1000, sample.of());
    assertFalse(sample.whole());
    Map<String, Long> ofEach = sample.rows().stream().collect(Collectors.groupingBy(row -> row.labels().getFirst(), Collectors.counting()));
    assertEquals(10, ofEach.size(), ofEach.toString());
    // 20 of 100 with the same chance each: a standard deviation of 3.6.
    ofEach.forEach((label, count) -> assertTrue(Math.abs(count - 20) < 15, ofEach.toString()));
    assertEquals(sample.rows().stream().sorted(Comparator.comparingInt(Row::line)).toList(), sample.rows(), "in the order of the file");
    assertEquals(sample, DataFile.sample(temp.resolve("sorted.tsv"), spec, 42));
    assertNotEquals(sample, DataFile.sample(temp.resolve("sorted.tsv"), spec, 43));
    assertTrue(DataFile.sample(temp.resolve("sorted.tsv"), new DataSpec(Optional.empty(), "text", Optional.empty(), Optional.of("label"), 1000), 42)
        .whole());
  }

  @Test
  void blanksAroundAHeadersNames() throws IOException {
    assertEquals(List.of(row(2, "the film", " yes")), DataFile.read(file("h.csv", "text, label\nthe film, yes\n"), spec("text", "label")));
  }

  @Test
  void twoColumnsOfOneName() throws IOException {
    String message = assertThrows(FormatException.class, () -> DataFile.read(file("two.tsv", "text\ta\ttext\nx\ty\tz\n"), spec("text", "a")))
        .getMessage();
    assertTrue(message.contains("has 2 columns \"text\", the first two are number 1 and 3"), message);
    message = assertThrows(FormatException.class, () -> DataFile.read(file("two.jsonl", "{\"text\": 1, \"text\": 2}"), spec("text", "a")))
        .getMessage();
    assertTrue(message.contains("two.jsonl, line 1") && message.contains("Duplicate field 'text'"), message);
  }

  /** A message stays a message whatever the file. */
  @Test
  void aMillionColumns() throws IOException {
    String message = assertThrows(FormatException.class, () -> DataFile.read(file("wide.tsv", "column\t".repeat(1_000_000) + "\nx\n"),
        spec("text", "label"))).getMessage();
    assertTrue(message.contains("no column \"text\"") && message.contains("more") && message.length() < 1000, message.length() + " characters");
  }

  @Test
  void aJsonArrayOverLines() throws IOException {
    String array = "\uFEFF[\n  {\"text\": \"a\",\n   \"label\": [\"x\", \"y\"]},\n  {\"text\": \"b\", \"label\": 1}\n]\n";
    assertEquals(List.of(row(2, "a", "x", "y"), row(4, "b", "1")), DataFile.read(file("array.json", array), spec("text", "label")));
    for (String broken : List.of("[{\"text\": \"a\", \"label\": 1}", "[{\"text\": \"a\", \"label\": 1},]", "[1]", "[] x", "[\n{\"text\": 1}]")) {
      String message = assertThrows(FormatException.class, () -> DataFile.read(file("broken.json", broken), spec("text", "label")), broken)
          .getMessage();
      assertTrue(message.contains("broken.json, line "), message);
    }
  }

  @Test
  void bytesThatAreNoText() throws IOException {
    Path latin = Files.write(temp.resolve("latin.tsv"), "text\tlabel\na\tb\ncaf\u00e9\tb\n".getBytes(StandardCharsets.ISO_8859_1));
    String message = assertThrows(FormatException.class, () -> DataFile.read(latin, spec("text", "label"))).getMessage();
    assertTrue(message.contains("latin.tsv is not UTF-8 text (line 3)"), message);
  }

  @Test
  void theFormatIsTheEndingOrAsGiven() throws IOException {
    assertEquals(1, DataFile.read(file("A.TSV", "text\tlabel\na\t1"), spec("text", "label")).size());
    DataSpec csv = new DataSpec(Optional.of("csv"), "text", Optional.empty(), Optional.empty(), 0);
    assertEquals(List.of(row(2, "a")), DataFile.read(file("data.txt", "text,label\na,1"), csv));
    String message = assertThrows(ConfigException.class, () -> DataFile.read(file("data.xlsx", "x"), spec("text", "label"))).getMessage();
    assertTrue(message.contains("data.xlsx") && message.contains("data.format"), message);
  }
}
