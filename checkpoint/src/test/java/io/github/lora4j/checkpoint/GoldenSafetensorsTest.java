package io.github.lora4j.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Files written by Python's safetensors: reading and rewriting gives the same bytes. {@code -Dgolden.dir} names more of them. */
class GoldenSafetensorsTest {

  @TempDir Path directory;

  @TestFactory
  Stream<DynamicTest> rewritingIsIdentical() throws IOException, URISyntaxException {
    String property = System.getProperty("golden.dir");
    Path golden = property != null ? Path.of(property) : Path.of(GoldenSafetensorsTest.class.getResource("/golden").toURI());
    List<Path> files;
    try (Stream<Path> all = Files.walk(golden)) {
      files = all.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList();
    }
    assertFalse(files.isEmpty(), () -> "no .safetensors under " + golden);
    return files.stream().map(f -> DynamicTest.dynamicTest(golden.relativize(f).toString(), () -> rewrite(f)));
  }

  private void rewrite(Path file) throws IOException {
    Path copy = directory.resolve("copy.safetensors");
    try (Checkpoint checkpoint = Checkpoint.open(file); Arena arena = Arena.ofConfined()) {
      SafetensorsWriter writer = new SafetensorsWriter();
      checkpoint.metadata().forEach(writer::metadata);
      for (String name : checkpoint.names()) {
        TensorInfo info = checkpoint.info(name);
        MemorySegment data = arena.allocate(Math.max(1, info.bytes())).asSlice(0, info.bytes());
        checkpoint.read(name, info.dtype(), data);
        writer.add(info, data);
      }
      writer.write(copy);
    }
    assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(copy));
  }
}
