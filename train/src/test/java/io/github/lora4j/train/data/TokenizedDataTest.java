package io.github.lora4j.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.github.lora4j.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows as token ids, and the checksum that recognises them. */
class TokenizedDataTest {

  private static final Path FILE = Path.of("train.tsv");

  @TempDir
  Path temp;
  private Tokenizer tokenizer;

  @BeforeEach
  void tokenizer() throws IOException {
    Files.writeString(temp.resolve("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n");
    tokenizer = Tokenizer.load(temp);
  }

  private static Row row(String text, String pair, String label) {
    return new Row(1, text, Optional.ofNullable(pair), List.of(label));
  }

  private TokenizedData data(List<Row> rows) {
    RowReader reader = new RowReader(FILE, tokenizer, 10, List.of("n", "y"), true);
    return new TokenizedData(rows.stream().map(row -> Example.of(reader.sequence(row), new Target.OneClass(reader.id(row, reader.label(row)))))
        .toList());
  }

  @Test
  void singleTextsAndPairs() {
    TokenizedData data = data(List.of(row("a b", null, "y"), row("a", "b c", "n")));
    assertArrayEquals(new int[] {2, 5, 6, 3}, data.sequences().get(0).ids());
    assertArrayEquals(new int[] {2, 5, 3, 6, 7, 3}, data.sequences().get(1).ids());
    assertArrayEquals(new int[] {0, 0, 0, 1, 1, 1}, data.sequences().get(1).types());
    assertEquals(List.of(new Target.OneClass(1), new Target.OneClass(0)), data.examples().stream().map(Example::target).toList());
    assertEquals(2, data.size());
    assertEquals(10, data.tokens());
    assertEquals(6, data.longest());
    assertEquals(0, data.cut());
  }

  @Test
  void theChecksumSeesEveryChange() {
    List<Row> rows = List.of(row("a b", null, "y"), row("c", null, "n"));
    long sum = checksum(rows);
    assertEquals(sum, checksum(List.copyOf(rows)));
    List<List<Row>> others = List.of(List.of(row("a c", null, "y"), row("c", null, "n")), List.of(row("a b", null, "n"), row("c", null, "n")),
        List.of(row("c", null, "n"), row("a b", null, "y")), List.of(row("a b", null, "y")), List.of(row("a", null, "y"), row("b c", null, "n")));
    List<Long> sums = new ArrayList<>();
    others.forEach(other -> sums.add(checksum(other)));
    sums.forEach(other -> assertNotEquals(sum, other));
    assertEquals(others.size(), sums.stream().distinct().count());
  }

  /** Frozen: checkpoints hold it, and one that changes would make them refuse their own data. */
  @Test
  void theChecksumNeverChanges() {
    TokenizedData data = TokenizedData.of(List.of(new int[] {2, 70000, 3}), List.of(new int[3]), List.of(new Target.OneClass(1)));
    assertEquals(0x1A4DBCD9L, data.checksum());
  }

  private long checksum(List<Row> rows) {
    return data(rows).checksum();
  }
}
