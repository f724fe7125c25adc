package io.github.lora4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.bench.peers.Peer.Product;
import io.github.lora4j.vector.Workers;
import org.junit.jupiter.api.Test;

class ReferenceTest {

  @Test
  void oursAreRightAndOneMissingElementIsSeen() {
    Reference reference = new Reference("13x21x34");
    try (Workers workers = new Workers(2);
        Product packed = new Ours(workers, true).product(13, 21, 34, reference.x, reference.w);
        Product packing = new Ours(workers, false).product(13, 21, 34, reference.x, reference.w)) {
      packed.run();
      packing.run();
      assertTrue(reference.error(packed.result()) < Reference.TOLERANCE);
      float[] y = packing.result();
      assertTrue(reference.error(y) < Reference.TOLERANCE);
      y[13 * 21 - 1] = 0;
      assertTrue(reference.error(y) > Reference.TOLERANCE);
      y[13 * 21 - 1] = Float.NaN;
      assertEquals(Double.POSITIVE_INFINITY, reference.error(y));
      assertEquals(Double.POSITIVE_INFINITY, reference.error(new float[3]));
    }
  }
}
