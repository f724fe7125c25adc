package io.github.lora4j.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class SearchPromptTest {

  private static final List<Pair> PAIRS = List.of(new Pair("opens a file", "A.openFile() : void", "A.java:7"),
      new Pair("counts all words", "B.countWords() : int", "B.java:9"));

  @Test
  void answersUntilAnEmptyLine() {
    String said = run(List.of(), true, "count words\n\nopen\n");
    assertTrue(said.indexOf("B.countWords") < said.indexOf("A.openFile"), said);
    assertEquals(1, said.split("B\\.java:9", -1).length - 1, said);
  }

  @Test
  void endsWithTheInput() {
    assertTrue(run(List.of(), true, "open file").contains("A.java:7"));
  }

  @Test
  void givenQueriesAreNotTyped() {
    assertTrue(run(List.of("open"), true, "count\n").startsWith("> open"));
    assertEquals(3, run(List.of(), false, "count\n").lines().filter(line -> line.startsWith("> ")).count());
  }

  private static String run(List<String> queries, boolean console, String typed) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new SearchPrompt(new Bm25(PAIRS.stream().map(Pair::signature).toList()), PAIRS,
        new PrintStream(out, true, StandardCharsets.UTF_8)).run(queries, console, new BufferedReader(new StringReader(typed)));
    return out.toString(StandardCharsets.UTF_8);
  }
}
