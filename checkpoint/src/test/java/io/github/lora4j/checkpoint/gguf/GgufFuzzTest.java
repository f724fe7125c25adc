package io.github.lora4j.checkpoint.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged GGUF files are read or refused with a FormatException that names the file; nothing else comes out, and nothing is believed. */
class GgufFuzzTest {

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long MOST_BYTES = 4 << 20;
  /** {@code -Dfuzz.rounds=1000000} for a long run, with {@code -Djava.io.tmpdir} in memory. */
  private static final int ROUNDS = Integer.getInteger("fuzz.rounds", 5000);

  @TempDir
  Path directory;

  @Test
  void damaged() throws IOException {
    Path file = directory.resolve("x.gguf");
    byte[] valid = valid(file);
    int refused = 0;
    for (int length = 0; length < valid.length; length++) {
      refused += survives(file, Arrays.copyOf(valid, length), "cut to " + length);
    }
    assertEquals(valid.length, refused, "every file that is cut off is refused");
    refused = 0;
    long slowest = 0;
    long largest = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] damaged = valid.clone();
      for (int n = 1 + random.nextInt(4); n > 0; n--) {
        int at = random.nextInt(damaged.length);
        switch (random.nextInt(4)) {
          case 0 -> damaged[at] = (byte) random.nextInt();
          case 1 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
          case 2 -> Arrays.fill(damaged, at, Math.min(damaged.length, at + 1 + random.nextInt(8)), (byte) (random.nextBoolean() ? 0xFF : 0));
          default -> System.arraycopy(valid, random.nextInt(valid.length - 8), damaged, Math.min(at, valid.length - 8), 8);
        }
      }
      // A file of a few hundred bytes is read at once, whatever its counts and lengths claim, and with no more memory than a few times its size.
      long before = System.nanoTime();
      long allocated = THREADS.getCurrentThreadAllocatedBytes();
      refused += survives(file, damaged, "seed " + seed);
      long bytes = THREADS.getCurrentThreadAllocatedBytes() - allocated;
      assertTrue(bytes < MOST_BYTES, "seed %d: %,d bytes were allocated for a file of %d".formatted(seed, bytes, damaged.length));
      slowest = Math.max(slowest, System.nanoTime() - before);
      largest = Math.max(largest, bytes);
    }
    System.out.printf("%,d damaged files, %,d refused; at most %,d bytes allocated, %.1f ms for one%n", ROUNDS, refused, largest, slowest / 1e6);
    assertTrue(refused > ROUNDS / 4, "only " + refused + " damaged files were refused");
  }

  @Test
  void nestedArrays() throws IOException {
    Path file = directory.resolve("nested.gguf");
    Object items = new GgufValue.Items(GgufValue.Kind.U8, List.of(1L, 255L));
    for (int depth = 2; depth <= 4; depth++) {
      items = new GgufValue.Items(GgufValue.Kind.ARRAY, List.of(items));
    }
    new GgufWriter().key("a", new GgufValue(GgufValue.Kind.ARRAY, items)).write(file);
    try (GgufFile gguf = GgufFile.open(file)) {
      Object at = gguf.metadata().value("a").value();
      for (int depth = 2; depth <= 4; depth++) {
        at = ((GgufValue.Items) at).values().getFirst();
      }
      assertEquals(List.of(1L, 255L), List.copyOf(((GgufValue.Items) at).values()));
    }
    new GgufWriter().key("a", new GgufValue(GgufValue.Kind.ARRAY, new GgufValue.Items(GgufValue.Kind.ARRAY, List.of(items)))).write(file);
    assertMentions(assertThrows(FormatException.class, () -> GgufFile.open(file)), "nested.gguf", "key a", "deeper than 4");
  }

  @Test
  void writerRefusesWhatReadersRefuse() {
    GgufTensor tensor = new GgufTensor("w", GgmlType.F32, List.of(2L, 3L));
    GgufWriter writer = new GgufWriter().add(tensor, MemorySegment.ofArray(new float[6]));
    assertThrows(ConfigException.class, () -> writer.add(tensor, MemorySegment.ofArray(new float[6])));
    assertThrows(ConfigException.class, () -> new GgufWriter().add(tensor, MemorySegment.ofArray(new float[5])));
    assertThrows(ConfigException.class, () -> new GgufWriter(3));
    assertThrows(ConfigException.class, () -> new GgufWriter().key("a", GgufValue.of("x")).key("a", GgufValue.of("y")));
    assertThrows(ConfigException.class, () -> new GgufTensor("w", GgmlType.Q4_0, List.of(2L, 33L)));
    assertThrows(ConfigException.class, () -> new GgufTensor("w", GgmlType.F32, List.of(1L << 40, 1L << 40)));
    GgufTensor longName = new GgufTensor("x".repeat(64), GgmlType.F32, List.of(1L));
    assertThrows(ConfigException.class, () -> new GgufWriter().add(longName, MemorySegment.ofArray(new float[1])));
    Path file = directory.resolve("short.gguf");
    assertThrows(ConfigException.class, () -> new GgufWriter().add(tensor, to -> to.write(MemorySegment.ofArray(new float[5]))).write(file));
    assertTrue(Files.notExists(file));
  }

  private static void assertMentions(Exception e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  private static byte[] valid(Path file) throws IOException {
    new GgufWriter(64).key("general.architecture", GgufValue.of("llama")).key("n", GgufValue.u32(7)).key("f", GgufValue.of(0.5f))
        .key("b", GgufValue.of(true)).key("tokens", GgufValue.texts(List.of("a", "", "ö"))).key("ids", GgufValue.i32s(1, -2, 3))
        .key("scores", GgufValue.f32s(0.5f, -1))
        .add(new GgufTensor("a.weight", GgmlType.F32, List.of(3L, 5L)), MemorySegment.ofArray(new float[15]))
        .add(new GgufTensor("q.weight", GgmlType.Q8_0, List.of(2L, 64L)), MemorySegment.ofArray(new byte[136]))
        .add(new GgufTensor("k.weight", GgmlType.Q4_K, List.of(256L)), MemorySegment.ofArray(new byte[144])).write(file);
    // Without the padding at the end, which need not be there.
    try (GgufFile gguf = GgufFile.open(file)) {
      long end = gguf.tensors().stream().mapToLong(t -> t.bytes() + 63 & -64).sum();
      long padding = 64 - 144 % 64;
      byte[] bytes = Files.readAllBytes(file);
      assertEquals(0, bytes.length % 64);
      assertTrue(bytes.length > end);
      return Arrays.copyOf(bytes, (int) (bytes.length - padding));
    }
  }

  private static int survives(Path file, byte[] content, String what) throws IOException {
    Files.write(file, content);
    try (GgufFile gguf = GgufFile.open(file)) {
      for (GgufTensor tensor : gguf.tensors()) {
        assertTrue(tensor.bytes() <= content.length, what);
        gguf.read(tensor.name(), 0, MemorySegment.ofArray(new byte[(int) tensor.bytes()]));
      }
      gguf.metadata().shown();
      return 0;
    } catch (FormatException e) {
      assertTrue(e.getMessage().contains(file.getFileName().toString()), what + ": " + e.getMessage());
      return 1;
    } catch (RuntimeException e) {
      throw new AssertionError(what + ": " + e, e);
    }
  }
}
