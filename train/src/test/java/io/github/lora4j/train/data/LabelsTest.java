package io.github.lora4j.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.data.Labels.Kind;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Labels as numbers. */
class LabelsTest {

  private static final Path FILE = Path.of("dev.tsv");

  private static Row row(int line, String... labels) {
    return new Row(line, "text", Optional.empty(), List.of(labels));
  }

  private static List<Row> rows(String... labels) {
    List<Row> rows = new ArrayList<>();
    for (String label : labels) {
      rows.add(row(rows.size() + 2, label));
    }
    return rows;
  }

  private static void refused(String part, Labels labels, Row row) {
    String message = assertThrows(FormatException.class, () -> labels.encode(FILE, row)).getMessage();
    assertTrue(message.contains("dev.tsv, line " + row.line()) && message.contains(part), message);
  }

  @Test
  void wholeNumbersSortByValue() {
    assertEquals(List.of("-1", "0", "2", "10"), Labels.of(Kind.CLASS, rows("10", "2", "-1", "0", "2")).names());
    assertEquals(List.of("10", "2", "x"), Labels.of(Kind.CLASS, rows("x", "2", "10")).names());
    assertEquals(List.of("0.5", "1"), Labels.of(Kind.CLASS, rows("1", "0.5")).names());
  }

  @Test
  void classes() {
    Labels labels = Labels.of(Kind.CLASS, rows("pos", "neg", "pos"));
    assertEquals(List.of("neg", "pos"), labels.names());
    assertEquals(2, labels.outputs());
    assertEquals(1, labels.width());
    assertArrayEquals(new float[] {1}, labels.encode(FILE, row(1, "pos")));
    refused("\"Pos\" is not one of [neg, pos]", labels, row(7, "Pos"));
    refused("no label", labels, row(8));
    refused("no label", labels, row(9, ""));
    refused("expected one label", labels, row(10, "pos", "neg"));
  }

  @Test
  void oneClassIsNotEnough() {
    String message = assertThrows(ConfigException.class, () -> Labels.of(Kind.CLASS, rows("a", "a"))).getMessage();
    assertTrue(message.contains("[a]") && message.contains("at least two"), message);
  }

  @Test
  void manyThousandClassesAreAMistake() {
    String[] all = new String[10_001];
    java.util.Arrays.setAll(all, i -> "text " + i);
    String message = assertThrows(ConfigException.class, () -> Labels.of(Kind.CLASS, rows(all))).getMessage();
    assertTrue(message.contains("data.label"), message);
  }

  @Test
  void severalLabels() {
    Labels labels = Labels.of(Kind.CLASSES, List.of(row(2, "b a"), row(3, ""), row(4), row(5, "c", "a")));
    assertEquals(List.of("a", "b", "c"), labels.names());
    assertEquals(3, labels.width());
    assertArrayEquals(new float[] {1, 0, 1}, labels.encode(FILE, row(1, " c  a ")));
    assertArrayEquals(new float[] {0, 1, 1}, labels.encode(FILE, row(1, "c", "b")));
    assertArrayEquals(new float[3], labels.encode(FILE, row(1, "")));
    assertArrayEquals(new float[3], labels.encode(FILE, row(1)));
    refused("\"d\" is not one of [a, b, c]", labels, row(6, "a d"));
    assertThrows(ConfigException.class, () -> Labels.of(Kind.CLASSES, rows("", " ")));
  }

  @Test
  void numbers() {
    Labels labels = Labels.of(Kind.NUMBER, rows("1.5", "x"));
    assertEquals(List.of(), labels.names());
    assertEquals(1, labels.outputs());
    assertArrayEquals(new float[] {-1250}, labels.encode(FILE, row(1, "-1.25e3")));
    refused("expected one label", labels, row(3, "1", "2"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "-Infinity", "1e99", "one", "1,5"})
  void whatIsNoNumber(String label) {
    refused("\"" + label + "\" is not a number", new Labels(Kind.NUMBER, List.of()), row(4, label));
  }

  @Test
  void none() {
    Labels labels = Labels.of(Kind.NONE, rows("x"));
    assertEquals(0, labels.width());
    assertArrayEquals(new float[0], labels.encode(FILE, row(1)));
  }
}
