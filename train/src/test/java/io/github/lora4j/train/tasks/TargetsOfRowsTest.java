package io.github.lora4j.train.tasks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.data.Example;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.data.Target;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Labels of rows as typed targets. */
class TargetsOfRowsTest {

  private static final Path FILE = Path.of("dev.tsv");

  @TempDir
  Path temp;
  private Tokenizer tokenizer;

  @BeforeEach
  void tokenizer() throws IOException {
    Files.writeString(temp.resolve("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n");
    tokenizer = Tokenizer.load(temp);
  }

  private static Row row(int line, String... labels) {
    return new Row(line, "a b", Optional.empty(), List.of(labels));
  }

  private static List<Row> rows(String... labels) {
    List<Row> rows = new ArrayList<>();
    for (String label : labels) {
      rows.add(row(rows.size() + 2, label));
    }
    return rows;
  }

  private Target target(TrainingTask task, List<String> names, Row row) {
    return task.example(row, new RowReader(FILE, tokenizer, 10, names, true)).target();
  }

  private void refused(String part, TrainingTask task, List<String> names, Row row) {
    String message = assertThrows(FormatException.class, () -> target(task, names, row)).getMessage();
    assertTrue(message.contains("dev.tsv, line " + row.line()) && message.contains(part), message);
  }

  @Test
  void wholeNumbersSortByValue() {
    assertEquals(List.of("-1", "0", "2", "10"), new Classification().labels(rows("10", "2", "-1", "0", "2")));
    assertEquals(List.of("10", "2", "x"), new Classification().labels(rows("x", "2", "10")));
    assertEquals(List.of("0.5", "1"), new Classification().labels(rows("1", "0.5")));
  }

  @Test
  void oneClass() {
    Classification task = new Classification();
    List<String> names = task.labels(rows("pos", "neg", "pos", "neg "));
    assertEquals(List.of("neg", "pos"), names, "blanks around a label are not part of it");
    assertEquals(new Target.OneClass(1), target(task, names, row(1, " pos")));
    refused("\"Pos\" is not one of [neg, pos]", task, names, row(7, "Pos"));
    refused("no label", task, names, row(8));
    refused("no label", task, names, row(9, ""));
    refused("expected one label", task, names, row(10, "pos", "neg"));
  }

  @Test
  void oneClassIsNotEnough() {
    String message = assertThrows(ConfigException.class, () -> new Classification().labels(rows("a", "a"))).getMessage();
    assertTrue(message.contains("[a]") && message.contains("at least two"), message);
  }

  @Test
  void manyThousandClassesAreAMistake() {
    String[] all = new String[10_001];
    Arrays.setAll(all, i -> "text " + i);
    String message = assertThrows(ConfigException.class, () -> new Classification().labels(rows(all))).getMessage();
    assertTrue(message.contains("data.label"), message);
  }

  private boolean[] classes(List<String> names, String... labels) {
    return ((Target.Classes) target(new MultiLabel(), names, row(1, labels))).apply();
  }

  @Test
  void severalClasses() {
    MultiLabel task = new MultiLabel();
    List<String> names = task.labels(List.of(row(2, "b a"), row(3, ""), row(4), row(5, "c", "a")));
    assertEquals(List.of("a", "b", "c"), names);
    assertArrayEquals(new boolean[] {true, false, true}, classes(names, " c  a "));
    assertArrayEquals(new boolean[] {false, true, true}, classes(names, "c", "b"));
    assertArrayEquals(new boolean[3], classes(names, ""));
    assertArrayEquals(new boolean[3], classes(names));
    refused("\"d\" is not one of [a, b, c]", task, names, row(6, "a d"));
    assertThrows(ConfigException.class, () -> task.labels(rows("", " ")));
  }

  @Test
  void numbers() {
    Regression task = new Regression();
    assertEquals(List.of(), task.labels(rows("1.5", "x")));
    assertArrayEquals(new float[] {-1250}, ((Target.Numbers) target(task, List.of(), row(1, "-1.25e3"))).values());
    refused("expected one label", task, List.of(), row(3, "1", "2"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "-Infinity", "1e99", "one", "1,5"})
  void whatIsNoNumber(String label) {
    refused("\"" + label + "\" is not a number", new Regression(), List.of(), row(4, label));
  }

  @Test
  void pairs() {
    Embedding task = new Embedding();
    Example pair = task.example(new Row(1, "a b c a", Optional.of("b"), List.of()), new RowReader(FILE, tokenizer, 4, List.of(), true));
    assertEquals(Target.PAIR, pair.target());
    assertArrayEquals(new int[] {2, 5, 6, 3}, pair.sequences().getFirst().ids());
    assertTrue(pair.sequences().getFirst().cut());
    assertArrayEquals(new int[] {2, 6, 3}, pair.sequences().getLast().ids());
    assertEquals(7, pair.tokens());
    refused("no second text", task, List.of(), row(1));
    assertEquals(1, task.example(row(1), new RowReader(FILE, tokenizer, 4, List.of(), false)).sequences().size(), "a text to be embedded");
  }
}
