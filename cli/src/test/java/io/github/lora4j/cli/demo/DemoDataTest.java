package io.github.lora4j.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.vector.FormatException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DemoDataTest {

  @Test
  void nothingAskedInTheTestIsTrainedOn() {
    JavadocPairs train = library("t", List.of(pair("Opens the file", "A.open() : void", "A"),
        pair("Closes the file", "A.close() : void", "A"), pair("Reads a line", "A.read() : String", "A")));
    JavadocPairs test = library("h", List.of(pair("closes the file!", "B.close() : void", "B"),
        pair("Counts words", "B.count() : int", "B")));
    DemoData data = DemoData.libraries(List.of(train, train), test);
    assertEquals(List.of("Opens the file", "Reads a line"), data.train().stream().map(Pair::query).toList());
    assertEquals(2, data.test().size());
    assertEquals(test.pairs(), data.heldOut());
  }

  @Test
  void testIsTheSameWhateverTheOrder() {
    List<Pair> pairs = IntStream.range(0, 1500).mapToObj(i -> pair("Query " + i, "S" + i, "F" + i)).toList();
    JavadocPairs train = library("t", List.of(pair("Opens the file", "A.open() : void", "A")));
    List<Pair> test = DemoData.libraries(List.of(train), library("h", pairs)).test();
    assertEquals(DemoData.TEST_LIMIT, test.size());
    assertEquals(test, DemoData.libraries(List.of(train), library("h", pairs.reversed())).test());
  }

  @Test
  void ownSourcesHoldClassesOutWhole() {
    List<Pair> pairs = IntStream.range(0, 4000).mapToObj(i -> pair("Query number " + i, "S" + i, "F" + i / 20)).toList();
    DemoData data = DemoData.ownSources(List.of(library("mine", pairs)));
    Set<String> shared = data.train().stream().map(Pair::file).collect(Collectors.toCollection(HashSet::new));
    shared.retainAll(data.heldOut().stream().map(Pair::file).toList());
    assertEquals(Set.of(), shared);
    assertEquals(4000, data.train().size() + data.heldOut().size());
    assertTrue(data.heldOut().size() > 200 && data.heldOut().size() < 700, "held out " + data.heldOut().size());
  }

  @Test
  void tooSmallALibraryIsAnError() {
    JavadocPairs one = library("one", List.of(pair("Opens the file", "A.open() : void", "A")));
    assertTrue(assertThrows(FormatException.class, () -> DemoData.ownSources(List.of(one))).getMessage().contains("one.jar"));
  }

  private static Pair pair(String query, String signature, String file) {
    return new Pair(query, signature, file + ".java:1");
  }

  private static JavadocPairs library(String name, List<Pair> pairs) {
    return new JavadocPairs(Path.of(name + ".jar"), pairs, 1, List.of());
  }
}
