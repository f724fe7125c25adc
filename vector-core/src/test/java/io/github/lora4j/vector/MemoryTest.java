package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class MemoryTest {

  @Test
  void segmentsAreZeroedAlignedAndAsLongAsAsked() {
    try (Memory memory = new Memory("test")) {
      for (int bytes : new int[] {0, 1, 64, 65, 1000}) {
        MemorySegment s = memory.allocate(bytes, "data");
        assertEquals(bytes, s.byteSize());
        assertEquals(0, s.address() % Memory.ALIGNMENT);
        for (int i = 0; i < bytes; i++) {
          assertEquals(0, s.get(ValueLayout.JAVA_BYTE, i));
        }
        s.fill((byte) 1);
      }
      assertEquals(64 + 64 + 128 + 1024, memory.used());
    }
  }

  @Test
  void refusesWhatPassesItsLimitAndSaysHowMuchIsLeft() {
    try (Memory memory = new Memory("the run", 256)) {
      memory.allocate(200, "weights");
      ResourceException e = assertThrows(ResourceException.class, () -> memory.allocate(1, "moments"));
      assertTrue(e.getMessage().contains("the run") && e.getMessage().contains("moments") && e.getMessage().contains("0 of 256"),
          e.getMessage());
      assertThrows(ResourceException.class, () -> memory.allocate(Long.MAX_VALUE, "overflow"));
    }
  }

  @Test
  void closingReleasesEverything() {
    Memory memory = new Memory("test");
    MemorySegment s = memory.allocate(8, "data");
    memory.close();
    assertThrows(IllegalStateException.class, () -> s.get(ValueLayout.JAVA_INT, 0));
  }
}
