package io.github.lora4j.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.vector.FormatException;
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

  private static final Labels LABELS = new Labels(Labels.Kind.CLASS, List.of("n", "y"));
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

  @Test
  void singleTextsAndPairs() {
    TokenizedData data = TokenizedData.of(FILE, List.of(row("a b", null, "y"), row("a", "b c", "n")), tokenizer, LABELS, 1, 10);
    assertArrayEquals(new int[] {2, 5, 6, 3}, data.ids().get(0));
    assertArrayEquals(new int[] {2, 5, 3, 6, 7, 3}, data.ids().get(1));
    assertArrayEquals(new int[] {0, 0, 0, 1, 1, 1}, data.types().get(1));
    assertArrayEquals(new float[][] {{1}, {0}}, data.labels());
    assertEquals(2, data.size());
    assertEquals(10, data.tokens());
    assertEquals(6, data.longest());
    assertEquals(0, data.truncated());
  }

  @Test
  void pairsAsTwoSequences() {
    Labels none = new Labels(Labels.Kind.NONE, List.of());
    TokenizedData data = TokenizedData.of(FILE, List.of(row("a b c a", "b", "")), tokenizer, none, 2, 4);
    assertArrayEquals(new int[] {2, 5, 6, 3}, data.ids().get(0));
    assertArrayEquals(new int[] {2, 6, 3}, data.ids().get(1));
    assertEquals(7, data.tokens(0));
    assertEquals(1, data.size());
    assertEquals(1, data.truncated());
    String message = assertThrows(FormatException.class, () -> TokenizedData.of(FILE, List.of(row("a", null, "")), tokenizer, none, 2, 4))
        .getMessage();
    assertTrue(message.contains("train.tsv, line 1: no second text"), message);
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
    TokenizedData data = new TokenizedData(List.of(new int[] {2, 70000, 3}), List.of(new int[3]), new float[][] {{1}}, 1, 0);
    assertEquals(0x1A4DBCD9L, data.checksum());
  }

  private long checksum(List<Row> rows) {
    return TokenizedData.of(FILE, rows, tokenizer, LABELS, 1, 10).checksum();
  }
}
