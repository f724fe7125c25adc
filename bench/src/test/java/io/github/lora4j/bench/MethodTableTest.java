package io.github.lora4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.train.data.Row;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MethodTableTest {

  private static final MethodSpec LORA = MethodSpec.all().getFirst();
  private static final MethodSpec FULL = new MethodSpec("full", "full", Map.of(), 5e-5);

  private static Cell cell(MethodSpec spec, int seed, double score, double... losses) {
    return new Cell(new Cell.Run("tiny", "SST-2", spec.name(), spec.rate(), seed, false, 100, 50, 3), score, 1234, 2, 150, losses);
  }

  @Test
  void studentsIntervalOfFiveValues() {
    Student s = Student.of(1, 2, 3, 4, 5);
    assertEquals(3, s.mean(), 1e-12);
    // 2.776 · √2.5 / √5
    assertEquals(1.963, s.half(), 1e-3);
    assertEquals("better", s.verdict());
    assertEquals("worse", Student.of(-1, -2, -3, -4, -5).verdict());
    assertEquals("inconclusive", Student.of(-1, 2, 1).verdict());
    assertEquals("inconclusive", Student.of(1, 1, 1).verdict(), "without spread nothing is known of it");
    assertEquals("inconclusive", Student.of(7).verdict(), "one seed says nothing");
    assertEquals("inconclusive", Student.of(1, Double.NaN, 1).verdict(), "a run that failed says nothing");
  }

  @Test
  void differencesArePairedBySeed() {
    MethodOptions options = MethodOptions.parse("--model", "tiny", "--glue", "glue", "--rows", "100", "--seeds", "3");
    // The seeds lie far apart, the pairs do not: unpaired this would be noise.
    List<MethodTable.Entry> entries = List.of(
        new MethodTable.Entry(LORA, 5e-4, List.of(cell(LORA, 1, .6, 3, 2), cell(LORA, 2, .7, 3, 2), cell(LORA, 3, .8, 3, 2))),
        new MethodTable.Entry(FULL, 5e-5, List.of(cell(FULL, 1, .61, 2, 1), cell(FULL, 2, .711, 2, 1), cell(FULL, 3, .81, 3, 2.5))));
    String table = MethodTable.of("tiny", GlueTask.SST2, options, entries);
    assertTrue(table.contains("| lora r=8 q,v | 1,234 | 0.000500 | 70.0 ± 24.8 |  |  | 2.0 | 2.0 | 150 |"), table);
    assertTrue(table.contains("| full | 1,234 | 5.00e-5 | 71.0 ± 24.8 | 1.0 ± 0.1 | better | 1.0 (2 of 3) | 2.0 | 150 |"), table);
  }

  @Test
  void aSeedThatFailedIsNotAveragedAway() {
    MethodOptions options = MethodOptions.parse("--model", "tiny", "--glue", "glue", "--seeds", "2");
    String table = MethodTable.of("tiny", GlueTask.SST2, options, List.of(
        new MethodTable.Entry(LORA, 5e-4, List.of(cell(LORA, 1, .6, 3, 2), cell(LORA, 2, .7, 3, 2))),
        new MethodTable.Entry(FULL, 5e-5, List.of(cell(FULL, 1, .9, 2, 1), cell(FULL, 2, Double.NaN, 2)))));
    assertTrue(table.contains("| 5.00e-5 | failed | failed | inconclusive |"), table);
  }

  @Test
  void runsAreKeptAndAnUnfinishedLineIsDropped(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("methods.jsonl");
    assertTrue(Cell.read(file).isEmpty());
    Cell failed = cell(LORA, 2, Double.NaN);
    cell(LORA, 1, 0.75, 0.5, 0.25).append(file);
    failed.append(file);
    Files.writeString(file, Files.readString(file) + "{\"run\":{\"mod");
    Map<Cell.Run, Cell> cells = Cell.read(file);
    assertEquals(2, cells.size());
    assertEquals(0.25, cells.get(cell(LORA, 1, 0).run()).finalLoss());
    assertTrue(Double.isNaN(cells.get(failed.run()).score()));
    cell(LORA, 3, 0.5).append(file);
    assertEquals(3, Cell.read(file).size(), "the next run begins a line of its own");
    Files.writeString(file, "nonsense\n");
    assertTrue(assertThrows(FormatException.class, () -> Cell.read(file)).getMessage().contains("methods.jsonl, line 1"));
  }

  @Test
  void stepsToALossGoByTheMeanOfATenth() {
    double[] losses = new double[20];
    for (int i = 0; i < 20; i++) {
      losses[i] = 20 - i;
    }
    Cell cell = cell(LORA, 1, 0, losses);
    assertEquals(1.5, cell.finalLoss());
    assertEquals(20, cell.stepsTo(1.5));
    assertEquals(11, cell.stepsTo(10.5));
    assertTrue(Double.isNaN(cell.stepsTo(1)));
  }

  @Test
  void everyMethodTriesAsManyRatesAndHasItsOwnName() {
    List<MethodSpec> all = MethodSpec.all();
    assertEquals(all.size(), all.stream().map(MethodSpec::name).distinct().count());
    all.forEach(spec -> assertEquals(4, spec.rates().stream().distinct().count(), spec.name()));
  }

  @Test
  void wordsTellTwoClassesApart() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      rows.add(new Row(i, i % 2 == 0 ? "a good film number " + i : "a dull film number " + i, Optional.empty(),
          List.of(i % 2 == 0 ? "yes" : "no")));
    }
    BagOfWords words = new BagOfWords(rows, "yes", 0.3, 1);
    assertTrue(words.logits(new Row(1, "good", Optional.empty(), List.of()))[1] > 0);
    assertTrue(words.logits(new Row(1, "dull", Optional.empty(), List.of()))[1] < 0);
    assertEquals(words.logits(new Row(1, "unseen", Optional.empty(), List.of()))[1], words.logits(new Row(1, "", Optional.empty(),
        List.of()))[1]);
  }

  @Test
  void optionsThatAreWrongSaySo() {
    assertTrue(assertThrows(ConfigException.class, () -> MethodOptions.parse("--model", "m")).getMessage().startsWith("--glue is missing"));
    assertTrue(assertThrows(ConfigException.class, () -> MethodOptions.parse("--row", "1")).getMessage().startsWith("--row is no option"));
    assertEquals("--seeds must be a whole number from 1, got 0", assertThrows(ConfigException.class,
        () -> MethodOptions.parse("--model", "m", "--glue", "g", "--seeds", "0")).getMessage());
    assertTrue(assertThrows(ConfigException.class, () -> MethodOptions.parse("--model", "m", "--glue", "g", "--tasks", "WNLI")).getMessage()
        .contains("no task \"WNLI\"; there are [SST-2, CoLA, RTE]"));
    MethodOptions options = MethodOptions.parse("--model", "m", "--glue", "g", "--methods", "full; bitfit");
    assertEquals(List.of(LORA.name(), "full", "bitfit"), options.select(MethodSpec.all()).stream().map(MethodSpec::name).toList());
    assertThrows(ConfigException.class, () -> MethodOptions.parse("--model", "m", "--glue", "g", "--methods",
        "prompt").select(MethodSpec.all()));
  }
}
