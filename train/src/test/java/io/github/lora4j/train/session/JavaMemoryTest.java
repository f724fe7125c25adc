package io.github.lora4j.train.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.graph.Backend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class JavaMemoryTest {

  private static final long MB = 1L << 20;

  private static Map<String, Long> parts(long kept, long loading, long saving) {
    return new JavaMemory(100 * MB, 10 * MB, kept).allocations(loading, saving).stream()
        .collect(Collectors.toMap(Backend.Allocation::purpose, Backend.Allocation::bytes));
  }

  @Test
  void filesCountBeyondWhatCompilersNeed() {
    Map<String, Long> small = parts(0, MB, MB);
    assertEquals(0, small.get(MemoryForecast.FILES));
    assertEquals(110 * MB, small.get(MemoryForecast.JAVA));
    long compiling = small.get(MemoryForecast.COMPILING);
    // Code stays; what it was made in is given back before anything is saved.
    long made = 1000 * MB - parts(0, 0, 1000 * MB).get(MemoryForecast.FILES);
    assertTrue(made > 0 && made < compiling, made + " of " + compiling);
    assertEquals(1000 * MB - compiling, parts(0, 1000 * MB, 0).get(MemoryForecast.FILES));
    // Or it is kept.
    assertEquals(1000 * MB, parts(30 * MB, 0, 1000 * MB).get(MemoryForecast.FILES));
    assertEquals(compiling + 30 * MB, parts(30 * MB, 0, 0).get(MemoryForecast.COMPILING));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void whatIsResidentIsCounted() {
    long before = JavaMemory.now().resident();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment touched = arena.allocate(200 * MB).fill((byte) 1);
      long more = JavaMemory.now().resident() - before;
      assertTrue(more > 150 * MB && more < 400 * MB, more + " bytes for " + touched.byteSize());
    }
  }
}
