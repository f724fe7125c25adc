package io.github.lora4j.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** Known answers of philox4x32-10 from Random123's kat_vectors. */
class PhiloxTest {

  @Test
  void knownAnswers() {
    assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, generate(0, 0, 0, 0, 0, 0));
    assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, generate(-1, -1, -1, -1, -1, -1));
    assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        generate(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
  }

  private static int[] generate(int c0, int c1, int c2, int c3, int k0, int k1) {
    int[] out = new int[4];
    Philox.generate(c0, c1, c2, c3, k0, k1, out);
    return out;
  }

  @Test
  void thresholdIsProbabilityTimesTwoToThe32() {
    assertEquals(0, Philox.threshold(0));
    assertEquals(0x80000000, Philox.threshold(0.5));
    assertEquals(0xC0000000, Philox.threshold(0.75));
    assertEquals(-1, Philox.threshold(Math.nextDown(1.0)));
    assertThrows(ConfigException.class, () -> Philox.threshold(1));
    assertThrows(ConfigException.class, () -> Philox.threshold(-0.1));
    assertThrows(ConfigException.class, () -> Philox.threshold(Double.NaN));
  }
}
