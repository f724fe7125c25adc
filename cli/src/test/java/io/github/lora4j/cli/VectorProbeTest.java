package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Doctor's look at the compiler. */
class VectorProbeTest {

  private static final long PATIENCE = 200_000_000L;

  @Test
  void whatGoesOnAllocatingIsSeen() {
    List<byte[]> kept = new ArrayList<>();
    assertTrue(VectorProbe.bytes(() -> {
      kept.clear();
      kept.add(new byte[10_000]);
    }, 1000, PATIENCE) >= 10_000);
  }

  @Test
  void whatAllocatesUntilItIsCompiledIsNot() {
    List<byte[]> kept = new ArrayList<>();
    assertEquals(0, VectorProbe.bytes(() -> {
      if (kept.size() < 50) {
        kept.add(new byte[10_000]);
      }
    }, 1000, PATIENCE * 100));
    assertEquals(50, kept.size());
  }

  @Test
  void theCompilerHasAName() {
    assertTrue(VectorProbe.compiler().matches("C2|C1 alone.*|Graal's|none: .*"), VectorProbe.compiler());
  }
}
