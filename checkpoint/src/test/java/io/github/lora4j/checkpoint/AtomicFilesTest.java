package io.github.lora4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.checkpoint.internal.FileOperations;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written is there whole or not at all, in the order that a power loss asks for, and nothing is left lying about. */
class AtomicFilesTest {

  @TempDir private Path dir;

  @BeforeEach
  void realPath() throws IOException {
    dir = dir.toRealPath();
  }

  /** Records the operations, with the random part of hidden names left out; fails before the one that begins with {@code fails}. */
  private final class Recorder implements FileOperations {
    private final List<String> log = new ArrayList<>();
    private String fails = "none";

    private void add(String operation) throws IOException {
      String line = operation.replaceAll("\\.lora4j-[0-9a-f]{16}\\.tmp", "TMP");
      log.add(line);
      if (line.startsWith(fails)) {
        throw new IOException("No space left on device");
      }
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
      add("make " + dir.relativize(directory));
      FileOperations.super.createDirectory(directory);
    }

    @Override
    public void force(Path path) throws IOException {
      add("force " + dir.relativize(path));
      FileOperations.super.force(path);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
      add("move " + dir.relativize(from) + " to " + dir.relativize(to));
      FileOperations.super.move(from, to);
    }

    @Override
    public void delete(Path path) throws IOException {
      log.add("delete " + dir.relativize(path).toString().replaceAll("\\.lora4j-[0-9a-f]{16}\\.tmp", "TMP"));
      FileOperations.super.delete(path);
    }

    private void run(Runnable work) {
      ScopedValue.where(FileOperations.BOUND, this).run(work);
    }
  }

  private List<String> names() throws IOException {
    try (Stream<Path> entries = Files.list(dir)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  private static void pair(Path place, String text) {
    AtomicFiles.directory(place, to -> {
      Files.writeString(to.resolve("a"), text);
      Files.createDirectory(to.resolve("in"));
      Files.writeString(to.resolve("in").resolve("b"), text);
    });
  }

  @Test
  void aFileIsForcedBeforeItsMoveAndTheDirectoryAfter() throws IOException {
    Recorder recorder = new Recorder();
    recorder.run(() -> AtomicFiles.text(dir.resolve("f"), "text ü"));
    assertEquals(List.of("make TMP", "force TMP/new", "move TMP/new to f", "force ", "delete TMP/lock", "delete TMP"), recorder.log);
    assertEquals("text ü", Files.readString(dir.resolve("f")));
    AtomicFiles.text(dir.resolve("f"), "again");
    assertEquals("again", Files.readString(dir.resolve("f")));
    assertEquals(List.of("f"), names());
  }

  @Test
  void everyFileOfADirectoryIsForcedBeforeItsMove() throws IOException {
    Recorder recorder = new Recorder();
    recorder.run(() -> pair(dir.resolve("x").resolve("d"), "one"));
    assertEquals(List.of("make x", "force ", "make x/TMP"), recorder.log.subList(0, 3));
    List<String> rest = recorder.log.subList(3, recorder.log.size());
    assertEquals(List.of("force x/TMP/new/a", "force x/TMP/new/in", "force x/TMP/new/in/b"), rest.subList(0, 3).stream().sorted().toList());
    assertTrue(rest.indexOf("force x/TMP/new/in/b") < rest.indexOf("force x/TMP/new/in"));
    assertEquals(List.of("force x/TMP/new", "move x/TMP/new to x/d", "force x"), rest.subList(3, 6));
  }

  @Test
  void aDirectoryIsReplacedAndWhatFailedLeavesTheOldOne() throws IOException {
    Path place = dir.resolve("d");
    pair(place, "one");
    pair(place, "two");
    assertEquals("two", Files.readString(place.resolve("in").resolve("b")));
    for (String fails : List.of("make TMP", "force TMP/new/a", "force TMP/new", "move d to", "move TMP/new")) {
      Recorder recorder = new Recorder();
      recorder.fails = fails;
      ResourceException e = assertThrows(ResourceException.class, () -> recorder.run(() -> pair(place, "three")));
      assertEquals(place + ": cannot be written: No space left on device", e.getMessage());
      assertEquals("two", Files.readString(place.resolve("a")), fails);
      assertEquals(List.of("d"), names(), fails);
    }
    assertThrows(IllegalStateException.class, () -> AtomicFiles.directory(place, to -> {
      Files.writeString(to.resolve("half"), "h");
      throw new IllegalStateException();
    }));
    assertEquals(List.of("d"), names());
    assertEquals("two", Files.readString(place.resolve("a")));
  }

  /** A dead writer's place: its lock is free. The old directory it had already moved away comes back. */
  @Test
  void deadWritersAreClearedUp() throws IOException {
    Path half = Files.createDirectory(dir.resolve(".lora4j-0123456789abcdef.tmp"));
    Files.createDirectory(half.resolve("new"));
    Files.writeString(half.resolve("new").resolve("a"), "half");
    Files.writeString(half.resolve("lock"), "");
    Path between = Files.createDirectory(dir.resolve(".lora4j-0123456789abcde0.tmp"));
    pair(between.resolve("old").resolve("d"), "old");
    pair(between.resolve("old").resolve("e"), "older");
    pair(dir.resolve("e"), "newer");
    assertEquals(List.of("d", "e"), names());
    assertEquals("old", Files.readString(dir.resolve("d").resolve("a")));
    assertEquals("newer", Files.readString(dir.resolve("e").resolve("a")));
  }

  @Test
  void livingWritersAreLeftAlone() throws IOException {
    AtomicFiles.directory(dir.resolve("d"), to -> {
      Files.writeString(to.resolve("a"), "a");
      AtomicFiles.text(dir.resolve("f"), "f");
      AtomicFiles.clear(dir);
    });
    assertEquals(List.of("d", "f"), names());
    assertEquals("a", Files.readString(dir.resolve("d").resolve("a")));
  }

  /** It leaves its place in one step, and only then are its files deleted. */
  @Test
  void deletingIsOneStep() throws IOException {
    pair(dir.resolve("d"), "one");
    Recorder recorder = new Recorder();
    recorder.run(() -> AtomicFiles.delete(dir.resolve("d")));
    assertEquals(List.of("make TMP", "move d to TMP/new", "force "), recorder.log.subList(0, 3));
    assertEquals(List.of(), names());
    AtomicFiles.delete(dir.resolve("d"));
  }

  @Test
  void whatIsInTheWayIsNamed() throws IOException {
    Path file = Files.writeString(dir.resolve("file"), "mine");
    pair(dir.resolve("d"), "one");
    for (Runnable write : List.<Runnable>of(() -> AtomicFiles.directory(file.resolve("sub").resolve("x"), to -> {}), () -> pair(file, "x"),
        () -> AtomicFiles.text(dir.resolve("d"), "x"))) {
      ResourceException e = assertThrows(ResourceException.class, write::run);
      assertTrue(e.getMessage().startsWith(dir.toString()) && e.getMessage().contains(": cannot be written: "), e.getMessage());
    }
    assertEquals("mine", Files.readString(file));
    assertEquals(List.of("d", "file"), names());
    assertFalse(Files.exists(dir.resolve("d").resolve("x")));
  }

  /** A move that first takes away what is in its way would take an empty directory, too; one step cannot. */
  @Test
  void aMoveTakesNothingAwayFirst() throws IOException {
    Path file = Files.writeString(dir.resolve("file"), "mine");
    Path inTheWay = Files.createDirectory(dir.resolve("empty"));
    assertThrows(IOException.class, () -> FileOperations.SYSTEM.move(file, inTheWay));
    assertTrue(Files.isDirectory(inTheWay));
    assertEquals("mine", Files.readString(file));
    FileOperations.SYSTEM.move(file, Files.writeString(dir.resolve("old"), "old"));
    assertEquals("mine", Files.readString(dir.resolve("old")));
  }
}
